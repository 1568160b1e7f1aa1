"""What people call a language: in prefixes (`es:novels`, `Spanish:novels`), fields, and the names of folders.

Everything comes down to the shortest ISO 639 code: `EN`, `eng`, `en-GB`, `en_US` and `English` are `en`. Regions and
scripts are dropped, because figures are given by language.
"""

from __future__ import annotations

import difflib
import re
import unicodedata

from tinylm.text.documents import UNDETERMINED

# Code, other codes | English names | names in the language itself. Codes that are words (`per`, `may`) are left out.
_NAMED = """
af afr | Afrikaans
am amh | Amharic | አማርኛ
ar ara | Arabic | العربية
az aze | Azerbaijani | azərbaycanca, azərbaycan dili
be bel | Belarusian | беларуская
bg bul | Bulgarian | български
bn ben | Bengali, Bangla | বাংলা
bo bod | Tibetan | བོད་ཡིག
br bre | Breton | brezhoneg
bs bos | Bosnian | bosanski
ca cat | Catalan | català
cs ces cze | Czech | čeština, česky
cy cym wel | Welsh | Cymraeg
da dan | Danish | dansk
de deu ger | German | Deutsch
el ell gre | Greek | ελληνικά
en eng | English
eo epo | Esperanto
es spa | Spanish, Castilian | español, castellano
et est | Estonian | eesti
eu eus baq | Basque | euskara
fa fas | Persian, Farsi | فارسی
fi fin | Finnish | suomi
fil | Filipino
fr fra fre | French | français
ga gle | Irish | Gaeilge
gd gla | Scottish Gaelic | Gàidhlig
gl glg | Galician | galego
gn grn | Guarani | avañe'ẽ
gu guj | Gujarati | ગુજરાતી
ha hau | Hausa
he heb | Hebrew | עברית
hi hin | Hindi | हिन्दी
hr hrv | Croatian | hrvatski
hu hun | Hungarian | magyar
hy hye | Armenian | հայերեն
id ind | Indonesian | Bahasa Indonesia
ig ibo | Igbo
is isl | Icelandic | íslenska
it ita | Italian | italiano
ja jpn | Japanese | 日本語
jv jav | Javanese | Basa Jawa
ka kat | Georgian | ქართული
kk kaz | Kazakh | қазақша, қазақ тілі
km khm | Khmer | ខ្មែរ, ភាសាខ្មែរ
kn kan | Kannada | ಕನ್ನಡ
ko kor | Korean | 한국어
ku kur | Kurdish | kurdî
la lat | Latin | latina, latine
lb ltz | Luxembourgish | Lëtzebuergesch
lo lao | Lao | ລາວ, ພາສາລາວ
lt lit | Lithuanian | lietuvių
lv lav | Latvian | latviešu
mi mri | Maori | te reo Māori
mk mkd | Macedonian | македонски
ml mal | Malayalam | മലയാളം
mn mon | Mongolian | монгол
mr mar | Marathi | मराठी
ms msa | Malay | Bahasa Melayu
mt mlt | Maltese | Malti
my mya | Burmese | မြန်မာ, မြန်မာဘာသာ
nb nob | Norwegian Bokmål, Bokmål
ne nep | Nepali | नेपाली
nl nld dut | Dutch, Flemish | Nederlands, Vlaams
nn nno | Norwegian Nynorsk, Nynorsk
no nor | Norwegian | norsk
oc oci | Occitan
pa pan | Punjabi, Panjabi | ਪੰਜਾਬੀ
pl pol | Polish | polski
ps pus | Pashto | پښتو
pt por | Portuguese | português
qu que | Quechua | Runasimi
ro ron rum | Romanian | română
ru rus | Russian | русский
si sin | Sinhala | සිංහල
sk slk | Slovak | slovenčina
sl slv | Slovenian, Slovene | slovenščina
so som | Somali | Soomaali
sq sqi alb | Albanian | shqip
sr srp | Serbian | српски, srpski
sv swe | Swedish | svenska
sw swa | Swahili | Kiswahili
ta tam | Tamil | தமிழ்
te tel | Telugu | తెలుగు
th tha | Thai | ไทย, ภาษาไทย
tl tgl | Tagalog
tr tur | Turkish | Türkçe
uk ukr | Ukrainian | українська
ur urd | Urdu | اردو
uz uzb | Uzbek | o'zbekcha
vi vie | Vietnamese | Tiếng Việt
yi yid | Yiddish | ייִדיש
yo yor | Yoruba | Yorùbá
zh zho chi | Chinese, Mandarin | 中文, 汉语, 漢語, 普通话
zu zul | Zulu | isiZulu
"""
# Of ISO 639 what else has text corpora; `src` or `raw` are folders, not languages.
_OTHERS = """
aa ab ae ak an as av ay ba bh bi bm ce ch co cr cu cv dv dz ee ff fj fo fy gv ho ht hz ia ie ii ik io iu kg ki kj kl
kr ks kv kw ky lg li ln lu mg mh na nd ng nr nv ny oj om or os pi rm rn rw sa sc sd se sg sm sn ss st su tg ti tk tn
to ts tt tw ty ug ve vo wa wo xh za ang ast bho bxr ceb chr ckb cmn csb dsb frr fur grc gsw hak haw hil hsb ilo jbo
kab kmr lad lij lmo mai mnw mwl nah nap nds nso pam pap pcd pdc pms roh rue sah san scn sco sme szl tat tet udm vec
vep vls vro war wuu xmf yue zea
"""
_COUNTRIES = {
    "at": "de", "br": "pt", "cn": "zh", "cz": "cs", "dk": "da", "gb": "en", "gr": "el", "jp": "ja", "kr": "ko",
    "mx": "es", "sp": "es", "tw": "zh", "ua": "uk", "us": "en",
}  # fmt: skip
"""What is taken for a language's code, and is a country's, or nobody's."""
_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*", re.IGNORECASE)
_FOLDER_TAG = re.compile(r"[a-z]{2,3}(?:[-_][A-Z][a-z]{3})?(?:[-_](?:[A-Z]{2}|[0-9]{3}))?")
"""`pt_BR` and `zh-Hant`; a folder `no-go` is not Norwegian."""


def _plain(name: str) -> str:
    """Without case, accents and marks, because people leave them out."""
    decomposed = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _rows() -> list[tuple[list[str], list[str], list[str]]]:
    """Of each language with a name: codes, English names, its own names."""
    rows = []
    for row in _NAMED.strip().splitlines():
        codes, english, *own = row.split(" | ")
        rows.append((codes.split(), english.split(", "), own[0].split(", ") if own else []))
    return rows


_CODES = {code: code for code in (*_OTHERS.split(), UNDETERMINED)}
_ENGLISH = {UNDETERMINED: "a language that was not stated"}
_NAMES: dict[str, str] = {}
for _codes, _english, _own in _rows():
    _CODES |= dict.fromkeys(_codes, _codes[0])
    _ENGLISH[_codes[0]] = _english[0]
    _NAMES |= {_plain(name): _codes[0] for name in (*_english, *_own)}


def language_code(text: str) -> str | None:
    """The code of what `text` names: a code in any case, a tag such as `pt-BR`, or a name; None when it names none."""
    if (match := _TAG.fullmatch(text)) and (code := _CODES.get(match[1].lower())):
        return code
    return _NAMES.get(_plain(text))


def folder_code(name: str) -> str | None:
    """The same for a folder's name, which is no language unless it looks like one: `es`, `pt_BR`, `Spanish`."""
    if _FOLDER_TAG.fullmatch(name):
        return language_code(name)
    return _NAMES.get(_plain(name)) if len(name) > 3 or not name.isascii() else None


def nearest_language(text: str) -> str | None:
    """The code of the language that was probably meant by a name or code that is unknown; None when nothing is near."""
    plain = _plain(text)
    if code := _CODES.get(plain):  # spaces around it
        return code
    if country := _COUNTRIES.get(plain):
        return country
    if near := difflib.get_close_matches(plain, _NAMES, n=1, cutoff=0.7):
        return _NAMES[near[0]]
    return None


def language_name(code: str) -> str:
    """The English name of a language, for people; the code itself where no name is known here."""
    return _ENGLISH.get(code, code)
