"""Which words are language codes: in prefixes (`es:novels`), fields and the names of folders."""

from __future__ import annotations

# ISO 639-1, and three-letter codes of languages that have text corpora; `src` or `raw` are folders, not languages.
_ISO_639 = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg
ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn
no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta
te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ang ast bho bxr cat ceb chr ckb
cmn csb dan deu dsb ell eng est eus fil fin fra frr fur gle glg grc gsw guj hak haw heb hil hin hrv hsb hun hye ilo
ind isl ita jav jbo jpn kab kat kaz kmr kor lad lat lav lij lit lmo ltz mai mal mar mkd mlt mnw mri mwl nah nap nds
nld nno nob nso oci pam pan pap pcd pdc pms pol por pus que roh ron rue rus sah san scn sco slk slv sme som spa sqi
srp swa swe szl tam tat tel tet tgl tha tur udm ukr urd uzb vec vep vie vls vro war wuu xmf yor yue zea zho zul und
"""
CODES = frozenset(_ISO_639.split())
SAME = {"eng": "en", "spa": "es", "fra": "fr", "deu": "de", "por": "pt", "ita": "it", "cat": "ca"}
"""Three-letter codes and the two-letter ones of the same languages."""
