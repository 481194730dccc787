"""From labelled posts to weights: the corpus that ships, training, calibration, and the judging of new weights.

Owns everything that teaches the understanding and nothing that runs in service. Training needs scikit-learn (the extra
`train`); reading the corpus needs nothing.
"""
