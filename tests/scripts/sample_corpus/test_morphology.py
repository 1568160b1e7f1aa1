"""The inflection tables, against forms written down by hand."""

import pytest
from sample_corpus import english, spanish


@pytest.mark.parametrize(
    ("singular", "plural"),
    [("child", "children"), ("berry", "berries"), ("toy", "toys"), ("box", "boxes"), ("knife", "knives"),
     ("tomato", "tomatoes"), ("radio", "radios"), ("sheep", "sheep")],
)  # fmt: skip
def test_english_plurals(singular: str, plural: str) -> None:
    assert english.plural(singular) == plural


@pytest.mark.parametrize(
    ("base", "forms"),
    [
        ("go", "goes went gone going"), ("stop", "stops stopped stopped stopping"),
        ("carry", "carries carried carried carrying"), ("visit", "visits visited visited visiting"),
        ("write", "writes wrote written writing"), ("wash", "washes washed washed washing"),
        ("lie", "lies lay lain lying"), ("sit", "sits sat sat sitting"), ("hum", "hums hummed hummed humming"),
    ],
)  # fmt: skip
def test_english_verbs(base: str, forms: str) -> None:
    made = (english.third_person(base), english.past(base), english.participle(base), english.gerund(base))
    assert " ".join(made) == forms


@pytest.mark.parametrize(
    ("word", "article"),
    [("apple", "an"), ("pear", "a"), ("hour", "an"), ("honest", "an"), ("house", "a"), ("university", "a"),
     ("umbrella", "an"), ("useful", "a"), ("8", "an"), ("11", "an"), ("18", "an"), ("12", "a"), ("one", "a")],
)  # fmt: skip
def test_english_articles_follow_the_sound(word: str, article: str) -> None:
    assert english.article(word) == article


def test_numbers_in_words() -> None:
    assert [english.number(n) for n in (0, 21, 100, 342, 2005)] == [
        "zero", "twenty-one", "one hundred", "three hundred and forty-two", "two thousand and five",
    ]  # fmt: skip
    assert [spanish.number(n) for n in (0, 21, 36, 100, 542)] == [
        "cero", "veintiuno", "treinta y seis", "cien", "quinientos cuarenta y dos",
    ]  # fmt: skip
    assert spanish.number(231, "f") == "doscientas treinta y una"


@pytest.mark.parametrize(
    ("verb", "tense", "forms"),
    [
        ("hablar", "pres", "hablo hablas habla hablamos hablan"),
        ("tener", "pres", "tengo tienes tiene tenemos tienen"),
        ("jugar", "pret", "jugué jugaste jugó jugamos jugaron"),
        ("dormir", "pret", "dormí dormiste durmió dormimos durmieron"),
        ("leer", "pret", "leí leíste leyó leímos leyeron"),
        ("construir", "pres", "construyo construyes construye construimos construyen"),
        ("hacer", "pret", "hice hiciste hizo hicimos hicieron"),
        ("conducir", "pret", "conduje condujiste condujo condujimos condujeron"),
        ("ser", "imp", "era eras era éramos eran"),
        ("poner", "fut", "pondré pondrás pondrá pondremos pondrán"),
        ("seguir", "subj", "siga sigas siga sigamos sigan"),
        ("buscar", "subj", "busque busques busque busquemos busquen"),
        ("conocer", "pres", "conozco conoces conoce conocemos conocen"),
        ("enviar", "pres", "envío envías envía enviamos envían"),
        ("reunir", "pres", "reúno reúnes reúne reunimos reúnen"),
        ("oír", "pret", "oí oíste oyó oímos oyeron"),
        ("hervir", "pret", "herví herviste hirvió hervimos hirvieron"),
    ],
)
def test_spanish_conjugation(verb: str, tense: str, forms: str) -> None:
    assert " ".join(spanish.conjugate(verb, tense)) == forms


def test_spanish_gerunds_and_participles() -> None:
    assert [spanish.gerund(v) for v in ("leer", "pedir", "oír", "seguir", "construir")] == [
        "leyendo", "pidiendo", "oyendo", "siguiendo", "construyendo",
    ]  # fmt: skip
    assert [spanish.participle(v) for v in ("abrir", "leer", "comer", "ir")] == ["abierto", "leído", "comido", "ido"]


def test_spanish_nouns_and_adjectives() -> None:
    assert [spanish.plural(w) for w in ("lápiz", "canción", "examen", "pie", "paraguas", "autobús", "árbol")] == [
        "lápices", "canciones", "exámenes", "pies", "paraguas", "autobuses", "árboles",
    ]  # fmt: skip
    assert spanish.agree("trabajador", gender="f", number="p") == "trabajadoras"
    assert spanish.agree("feliz", gender="f", number="p") == "felices"


def test_spanish_contractions() -> None:
    text = spanish.contract("Voy a el mercado de el pueblo y invito a uno o otro con hielo y hierro y hijos")
    assert text == "Voy al mercado del pueblo e invito a uno u otro con hielo y hierro e hijos"
