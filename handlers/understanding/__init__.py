"""From a citizen's noisy text to a frozen result: language, kind, category, place, personal data, answers.

Owns the door to the reading of texts; everything behind it is pure. It must not know platforms, tickets or
conversations.
"""

from handlers.understanding.answer import read_answer
from handlers.understanding.number import find_numbers, format_number
from handlers.understanding.post import hides_a_matter, mask, understand
from handlers.understanding.taxonomy import taxonomy

__all__ = ["find_numbers", "format_number", "hides_a_matter", "mask", "read_answer", "taxonomy", "understand"]
