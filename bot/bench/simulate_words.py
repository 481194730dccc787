"""What the people of the simulation write, each line with what it means.

Owns lines and meanings. The meanings are ours, not the understanding's, so that a misread answer shows as a broken
promise. It must not know tickets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Meant(StrEnum):
    """What the writer means, whatever is read in it."""

    COMPLAINT = "complaint"
    SENSITIVE = "sensitive complaint"
    DANGER = "danger"
    GRIEF = "grief"
    NO_COMPLAINT = "no complaint"
    DETAILS = "details"
    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"
    DONE = "done, unasked"
    DONE_BUT = "done, but another matter"
    ASKS = "asks for the status"
    CORRECTS = "corrects the place"
    WITHDRAWS = "withdraws"
    STOP = "stop"
    START = "start"
    ME_TOO = "me too"
    THREAT = "threat"
    MORE = "tells more"
    THANKS = "thanks"
    REPEAT = "the same again"
    POINTS = "points at another's post"
    NUMBER = "names the number"
    OURS = "a person of ours"


@dataclass(frozen=True, slots=True)
class Line:
    """Words and what they mean; `photo` when one comes with them."""

    text: str
    meant: Meant
    photo: bool = False


def _lines(meant: Meant, *texts: str) -> tuple[Line, ...]:
    return tuple(Line(text, meant) for text in texts)


COMPLAINTS: Final = (
    *_lines(
        Meant.COMPLAINT,
        "Rohtak sector 3 me 5 din se kachra nahi utha",
        "Hisar sector 14 me chaar din se nal me paani nahi aaya",
        "पंचकूला सेक्टर 12 में स्ट्रीट लाइट दो हफ्ते से बंद है",
        "There is a huge pothole on the main road near Rohtak bus stand, nobody repairs it",
        "ਪੰਚਕੂਲਾ ਵਿੱਚ ਸੀਵਰ ਦਾ ਪਾਣੀ ਗਲੀ ਵਿੱਚ ਭਰਿਆ ਹੈ",
        "chaar din se nal me paani nahi aaya",
        "सात महीने से विधवा पेंशन नहीं आई",
        "Garbage has not been collected in our street for ten days",
        "I have written to every office and nobody cares. Please help.",
        "Hisar sadar thane me SHO ne mujhe thappad maare aur gaali di",
        "पटवारी इंतकाल के लिए 5000 रिश्वत मांग रहा है, तहसील हांसी",
        "Rohtak me bijli ka bill galat aaya hai, 9876543210 par call kare",
        "ration card kat gaya hai, Panchkula, depot wala kuch nahi batata",
        "Kirpya hamari gali ki naali saaf karwa do, Rohtak, naali ka ganda paani ghar me aa raha hai",
    ),
    Line("", Meant.COMPLAINT, photo=True),
)
SENSITIVE: Final = _lines(
    Meant.SENSITIVE,
    "Panchkula me ladke roz ladkiyo ko chhedte hai school ke bahar",
    "हिसार में चिट्टा खुलेआम बिक रहा है, पुलिस कुछ नहीं करती",
    "Rohtak me meri beti kal sham se ghar nahi aayi, gayab hai",
)
DANGER: Final = _lines(
    Meant.DANGER,
    "school ke gate par current wala taar gira hai, bacche phanse hai abhi, Hisar",
    "abhi aag lagi hai log phanse hai help Rohtak sector 3",
)
GRIEF: Final = _lines(
    Meant.GRIEF,
    "Tonight is my last night, I want to die",
    "मेरे पिताजी की अस्पताल की लापरवाही से मौत हो गई, हिसार",
)
NO_COMPLAINTS: Final = _lines(
    Meant.NO_COMPLAINT,
    "Bahut badhiya kaam CM sahab, dhanyawad",
    "Jai Hind",
    "CM sahab ko janamdin ki badhai",
    "Ludhiana Punjab me teen din se bijli nahi aa rahi",
    "रेलवे स्टेशन पर ट्रेन तीन घंटे लेट है, टिकट का पैसा वापस नहीं मिला",
    "My suggestion: please plant trees along the new highway",
    "what is the status of my complaint?",
    "HRY26-000001-9 ka kya hua",
)
DETAILS: Final = _lines(
    Meant.DETAILS,
    "hisar",
    "Rohtak sector 3",
    "पंचकूला",
    "garbage, Rohtak",
    "paani ki samasya hai, hisar",
    "1",
    "2",
    "pata nahi ji",
    "mere gaon me",
)
YES: Final = _lines(
    Meant.YES,
    "haan ji ho gaya, dhanyawad",
    "1",
    "हाँ जी, काम हो गया, धन्यवाद",
    "Yes, it is done. Thank you.",
    "ਹਾਂ ਜੀ, ਕੰਮ ਹੋ ਗਿਆ, ਧੰਨਵਾਦ",
)
NO: Final = _lines(
    Meant.NO,
    "nahi hua, koi aaya hi nahi",
    "2",
    "नहीं, कोई नहीं आया, वही हाल है",
    "No, nobody came. It is still the same.",
    "nahi",
    "thank you but still no light",
    "ਨਹੀਂ ਜੀ, ਕੁਝ ਨਹੀਂ ਹੋਇਆ",
)
UNCLEAR: Final = _lines(Meant.UNCLEAR, "ok", "hmm dekhte hai", "theek hai", "3", "जी")
DONE: Final = _lines(Meant.DONE, "kaam ho gaya hai, dhanyawad", "Problem solved, thank you")
DONE_BUT: Final = _lines(
    Meant.DONE_BUT,
    "kachra uth gaya, lekin ab gali ki street light band hai",
    "paani aa gaya par bijli ka bill galat aaya hai",
)
ASKS: Final = _lines(Meant.ASKS, "update?", "kya hua meri shikayat ka", "स्टेटस बताइए", "any update on this?")
CORRECTS: Final = _lines(Meant.CORRECTS, "galti se likha, Rohtak hai", "Hisar nahi, Panchkula hai", "गलत जिला, हिसार है")
WITHDRAWS: Final = _lines(Meant.WITHDRAWS, "complaint wapas leta hu", "I withdraw my complaint")
STOP: Final = _lines(Meant.STOP, "STOP", "stop messaging me")
START: Final = _lines(Meant.START, "START")
ME_TOO: Final = _lines(
    Meant.ME_TOO, "same here", "hamare yaha bhi yahi haal hai", "yahan bhi paani nahi aa raha Hisar me"
)
THREAT: Final = _lines(Meant.THREAT, "shikayat karne par mujhe jaan se maarne ki dhamki mil rahi hai")
MORE: Final = _lines(
    Meant.MORE,
    "gali number 4, mandir ke saamne",
    "mera number 9812345678 hai",
    "see https://example.org/photo and @hansi_ki_reena",
    "bacche bimar ho rahe hai, jaldi kare",
)
THANKS: Final = _lines(Meant.THANKS, "thank you", "dhanyawad ji", "🙏")
PARTS: Final = (
    "1/3 Rohtak sector 3 me paani ki bahut samasya hai",
    "2/3 ek hafte se tanker bhi nahi aaya",
    "3/3 kripya jaldi karwa de",
)
OF_OURS: Final = _lines(Meant.OURS, "We have spoken to the officer and are looking into it ourselves.")
REPORTS: Final = (
    "Team visited, work completed today.",
    "मरम्मत कर दी गई है, जाँच भी की।",
    "Kaam pura hua. Call 9876543210 or see http://phed.gov.in or ask @officer",
    "Done; supply restored. " * 20,
)
QUESTIONS: Final = ("Which lane is it in?", "कृपया मकान नंबर बताएं", "Call me on 9876543210 please")
"""Officers write what they must not: numbers, addresses and names of others, which no citizen may read in public."""
