"""English nouns, adjectives and small words of the sample corpus, grouped by meaning.

The groups exist so that sentences make sense: a verb asks for a group ("cook" asks for `dish`), and a group says
which adjectives may describe its nouns. Pure data: `english.py` inflects it, `writer_en.py` speaks with it and
`agreement_en.py` judges with it.
"""

# group -> nouns (singular)
NOUNS: dict[str, str] = {
    "fruit": "apple pear peach plum cherry lemon orange banana melon strawberry apricot fig mango grapefruit "
    "raspberry blueberry pineapple lime tangerine nectarine",
    "vegetable": "carrot onion potato tomato cucumber pepper cabbage pumpkin leek turnip radish mushroom aubergine "
    "cauliflower artichoke parsnip beetroot",
    "dish": "pie cake stew omelette sandwich salad soup pancake pizza pudding biscuit muffin casserole tart "
    "meatball dumpling burger pasty waffle",
    "staple": "bread rice cheese butter flour sugar honey jam salt pasta meat garlic oil yogurt chocolate porridge "
    "cream cinnamon parsley vinegar",
    "drink": "tea coffee milk water lemonade juice cocoa cider",
    "tool": "hammer saw drill spade rake shovel ladder screwdriver axe broom mop paintbrush wrench chisel "
    "wheelbarrow hose pump bucket sickle crowbar",
    "dishware": "plate bowl cup glass mug spoon fork knife pot pan kettle teapot tray jug saucer ladle jar",
    "furniture": "table chair bed sofa shelf wardrobe desk bench armchair stool bookcase cupboard mirror lamp "
    "carpet cradle chest drawer rug",
    "clothes": "coat hat scarf shirt skirt dress jacket jumper sock shoe boot glove blouse cap sweater raincoat belt "
    "waistcoat slipper cardigan apron nightgown",
    "text": "book letter newspaper magazine poem novel postcard diary notebook map recipe dictionary comic "
    "encyclopedia invitation leaflet",
    "instrument": "guitar piano violin flute drum trumpet harp cello clarinet accordion banjo saxophone",
    "toy": "kite doll ball puppet puzzle balloon marble swing skateboard teddy rocket whistle",
    "thing": "key basket clock watch candle umbrella camera suitcase box bag ring pillow blanket wallet vase bottle "
    "lantern purse necklace brooch telescope compass backpack envelope stamp coin ribbon bracelet parcel comb brush "
    "towel ticket bell rope needle button radio fan tent torch flag trophy painting photograph statue",
    "school": "pencil pen ruler eraser crayon sharpener calculator blackboard folder paintbox globe",
    "vehicle": "car bus train bicycle boat tram lorry van taxi motorbike tractor ferry canoe scooter ship",
    "pet": "dog cat puppy kitten rabbit hamster parrot tortoise canary goldfish pony",
    "farm_animal": "cow horse sheep goat hen pig donkey duck goose rooster lamb calf bull ox mule turkey",
    "wild_animal": "fox bear wolf deer squirrel hedgehog mouse hare otter badger frog elephant lion tiger monkey "
    "giraffe zebra kangaroo crocodile snake lizard beaver bat mole rhinoceros leopard camel",
    "bird": "owl robin swallow crow eagle pigeon seagull swan stork sparrow blackbird woodpecker heron nightingale "
    "penguin falcon magpie",
    "sea_animal": "whale dolphin seal crab octopus shark turtle jellyfish starfish salmon lobster",
    "insect": "bee butterfly ant ladybird spider cricket dragonfly moth beetle grasshopper wasp firefly snail",
    "tree": "oak pine willow maple birch chestnut elm poplar cypress fir walnut cedar ash beech",
    "flower": "rose tulip daisy lily violet sunflower daffodil poppy carnation orchid jasmine iris geranium",
    "person": "teacher baker farmer doctor nurse gardener carpenter painter writer singer student neighbour tailor "
    "librarian fisherman shopkeeper postman cook pilot engineer dentist musician photographer lawyer scientist vet "
    "waiter plumber mechanic shepherd sailor journalist actor dancer potter builder weaver judge hairdresser "
    "blacksmith electrician florist architect nanny athlete goalkeeper clown grocer butcher firefighter "
    "astronomer receptionist translator beekeeper clockmaker shoemaker",
    "child": "boy girl child pupil schoolboy schoolgirl",
    "family": "mother father sister brother grandmother grandfather aunt uncle cousin daughter son nephew niece "
    "wife husband",
    "room": "kitchen bedroom bathroom garden hall attic cellar garage study pantry corridor nursery conservatory",
    "place": "market library museum school bakery station park hospital theatre bank hotel restaurant pharmacy church "
    "cinema factory farm office harbour airport square stadium university castle zoo gallery bookshop cafe "
    "supermarket playground laboratory greengrocer mill inn gym clinic courthouse monastery",
    "nature": "river hill forest mountain lake valley beach meadow island field stream cave waterfall cliff desert "
    "path wood pond orchard vineyard swamp glacier volcano canyon bay",
    "part": "door window wall roof floor gate fence chimney staircase ceiling curtain doorbell bridge tower fountain",
    "body": "hand head foot tooth knee arm leg back eye ear finger shoulder nose elbow ankle neck throat stomach chin "
    "wrist thumb toe",
    "event": "party concert wedding picnic meeting festival trip match lesson holiday race exhibition parade "
    "competition interview rehearsal excursion dinner breakfast lunch visit ceremony",
    "idea": "story song plan joke idea dream question answer secret promise riddle surprise memory lesson rumour",
    "weather": "rain snow wind sun fog storm cloud rainbow thunder frost ice moon star sky breeze",
    "stuff": "paper wood glass wool cotton leather gold silver stone iron clay grass sand mud soap",
    "season": "spring summer autumn winter",
    "time": "morning afternoon evening night day week month year hour minute weekend birthday moment second "
    "century decade noon midnight dawn time",
    "misc": "name street town city village house home work job life friend family people price euro kilo metre "
    "kilometre litre dozen piece slice bunch corner side end top bottom middle front way thing kind bit number colour "
    "size weight age hair smile voice face heart word page lesson language music game sport homework help news "
    "money luck love peace shade light dinner shop shelf counter customer guest visitor traveller passenger map "
    "north south east west left right road crossroads bridge traffic platform seat row leaf branch root seed nest "
    "egg tail wing feather fur shell head oven fire stove dough mixture fridge lid recipe appetite health cold "
    "fever headache cough medicine rest sleep walk ride swim drink meal bill menu table order change half quarter "
    "pair set group team class world country sea coast shore water air earth ground hole bank floor phone call "
    "message address letterbox post view noise silence smell taste touch step stairs edge inch prize winner member "
    "owner reward notice poster sale offer condition lesson course exam mark subject maths history science geography "
    "flat building upstairs neighbourhood distance journey luggage holidays clothes trousers glasses scissors sum "
    "total difference result rule fact reason mistake practice care hurry trouble joy pleasure kindness patience "
    "courage advice mind eyes crowd queue basketful sky line wave tide sunset sunrise dew harvest leader singer "
    "applause curtain stage film screen goal player chess draughts cards wish gift present guestroom tablecloth "
    "napkin sauce spice herb vegetable fruit animal bird insect flower tree plant tool toy person child parent "
    "grandparent man woman adult balcony porch terrace matter weather season dish card telephone lot place sea spoon colour shape circle square pocket trip step "
    "forecast problem play temperature degree doctor chair waiting room tablet syrup list baby toddler twin schoolteacher spoonful teaspoon gram cupful "
    "handful breakfast start past future hobby",
}

# nouns without a plural in these texts: they take "some", never "a"
MASS: str = (
    "bread rice cheese butter flour sugar honey jam salt pasta meat garlic oil yogurt chocolate porridge cream cinnamon "
    "parsley vinegar tea coffee milk water lemonade juice cocoa cider rain snow wind fog thunder frost ice paper wood "
    "wool cotton leather gold silver stone iron clay grass sand mud soap music homework help news money luck love peace "
    "work traffic medicine advice noise weather luggage hair fur maths history science geography patience "
    "courage kindness health silence applause chess joy furniture dew practice care post sleep fire dough"
)

# nouns that only have a plural here
PLURAL_ONLY: str = "people clothes trousers glasses scissors stairs holidays cards draughts crossroads"

IRREGULAR_PLURALS: dict[str, str] = {
    "child": "children", "man": "men", "woman": "women", "foot": "feet", "tooth": "teeth", "mouse": "mice", "goose": "geese", "ox": "oxen",
    "sheep": "sheep", "deer": "deer", "fisherman": "fishermen", "postman": "postmen", "person": "people",
    "knife": "knives", "leaf": "leaves", "shelf": "shelves", "wolf": "wolves", "calf": "calves", "wife": "wives",
    "half": "halves", "life": "lives", "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes",
    "salmon": "salmon", "goldfish": "goldfish", "jellyfish": "jellyfish", "starfish": "starfish",
    "octopus": "octopuses", "scarf": "scarves", "volcano": "volcanoes",
}  # fmt: skip

# name of a set of adjectives -> adjectives
ADJECTIVES: dict[str, str] = {
    "size": "big small large tiny huge little",
    "colour": "red blue green yellow white black brown grey purple pink golden orange",
    "age": "old new",
    "charm": "beautiful lovely pretty nice simple elegant plain wonderful charming",
    "matter": "heavy light wooden strong broken clean dirty useful",
    "home": "comfortable wooden round square antique modern sturdy cheap expensive",
    "ripe": "ripe sweet juicy fresh delicious firm soft",
    "crisp": "fresh crisp tender organic healthy raw",
    "cooked": "delicious hot warm tasty homemade spicy rich simple enormous perfect",
    "taste": "fresh good local fine cheap",
    "sip": "hot cold warm fresh sweet",
    "wear": "warm thick thin woollen soft striped elegant loose tight dry wet fashionable",
    "reading": "long short interesting funny boring exciting famous thick serious strange useful",
    "sound": "loud quiet old new expensive fine famous",
    "play": "colourful round bright favourite wooden lost",
    "small": "small valuable lost precious shiny empty",
    "ride": "fast slow modern noisy comfortable reliable crowded dusty",
    "tame": "playful friendly lazy clever obedient fluffy hungry thirsty gentle noisy loyal curious sleepy",
    "rural": "strong gentle stubborn hungry young fat noisy calm healthy",
    "wild": "wild shy fierce clever quick careful young dangerous nervous cunning",
    "fly": "young wild graceful hungry curious noisy",
    "leafy": "tall ancient young leafy enormous crooked shady",
    "bloom": "fragrant delicate fresh bright wild colourful",
    "trait": "kind patient honest polite brave generous funny serious shy careful friendly hardworking cheerful "
    "clever calm modest wise famous young tall talented curious gentle sincere",
    "hair": "black brown grey white curly fair straight dark",
    "eye": "blue green brown grey black",
    "beast": "happy calm hungry angry surprised excited sleepy nervous thirsty tired",
    "young": "shy curious cheerful clever polite happy little friendly lively brave funny quiet",
    "mood": "happy tired sad calm nervous hungry thirsty worried proud angry surprised excited bored grateful "
    "relaxed sleepy lonely content",
    "site": "quiet busy modern famous crowded peaceful lively nearby charming noisy popular ancient",
    "wildness": "deep wide green peaceful dark steep narrow beautiful remote sunny distant misty",
    "indoors": "bright dark untidy cosy warm cold quiet spacious empty dusty",
    "fixed": "wide narrow high low strong broken stone wooden tall rusty",
    "social": "wonderful important long short small big cheerful unforgettable simple",
    "thought": "good funny strange silly wonderful clever sad old difficult easy interesting",
    "sky": "sunny rainy cloudy windy foggy snowy stormy warm cold cool hot mild dry humid icy clear freezing bright",
    "hurt": "sore swollen stiff painful",
    "other": "ready busy true tidy bare different same next last first second third fourth other many few much several own whole full open "
    "closed late early right wrong left favourite best better worse sure free easy hard sorry well ill dear afraid "
    "glad fond delighted alone asleep awake certain possible missing ready single double main little enough "
    "older younger bigger smaller taller shorter stronger faster slower cheaper longer quieter warmer colder "
    "heavier lighter deeper wider newer safe great fine cold hot far worth born excellent kindest dearest warmest "
    "good-natured bad secret careful special fair smooth straight middle sharp blank correct busy entire orange "
    "plump pleased happier sweeter prettier",
}

# group -> sets of adjectives that suit its nouns
SUITS: dict[str, str] = {
    "fruit": "ripe", "vegetable": "crisp", "dish": "cooked", "staple": "taste", "drink": "sip", "tool": "matter age",
    "dishware": "colour charm", "furniture": "home age colour", "clothes": "wear colour age", "text": "reading age",
    "instrument": "sound", "toy": "play colour", "thing": "small charm age colour", "school": "colour age",
    "vehicle": "ride colour age", "pet": "tame size", "farm_animal": "rural", "wild_animal": "wild", "bird": "fly",
    "sea_animal": "wild size", "insect": "size", "tree": "leafy", "flower": "bloom colour", "person": "trait",
    "child": "young", "family": "trait", "room": "indoors", "place": "site", "nature": "wildness", "part": "fixed",
    "body": "hurt", "event": "social", "idea": "thought", "stuff": "taste",
}  # fmt: skip

NUMBERS: str = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
)
WEEKDAYS: str = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
MONTHS: str = "January February March April May June July August September October November December"

# Words that never change, by what may stand around them; the checker reads these lists too.
DETERMINERS_SINGULAR: str = "a an this that every each another"
DETERMINERS_PLURAL: str = "these those several many few both"
DETERMINERS: str = "the my your his her its our their some any no all more most enough"
PRONOUNS: str = (
    "I you he she it we they me him us them myself yourself himself herself itself ourselves themselves mine yours "
    "hers ours theirs everybody everyone nobody somebody someone everything nothing something anything anyone who "
    "whom what which there others one none"
)
PREPOSITIONS: str = (
    "to of in on at with from by for into onto under over near behind beside between among through across along around "
    "after before during until since towards about without against above below inside outside like past than up down "
    "off out as opposite beyond"
)
CONJUNCTIONS: str = "and or but because so when while if that although then where until before after as nor than"
ADVERBS: str = (
    "very really quite too also always never often sometimes usually again soon now today tomorrow yesterday here "
    "there early late slowly quickly carefully quietly happily gently kindly almost only just still already together "
    "home away back well far outside inside upstairs downstairs first next finally suddenly later ago once twice yet "
    "perhaps maybe please yes no not exactly especially straight left right how why where when even everywhere "
    "tonight nearby however instead about all so more most better best much little enough proudly patiently softly "
    "calmly politely loudly bravely eagerly warmly forward ahead sincerely hardly nearly before behind inside off on "
    "up down in out around over through past along hard fast long high alone truly lately afterwards meanwhile today "
    "forever else rather such that than as luckily certainly sincerely"
)
MANNERS: str = (
    "slowly quickly carefully quietly happily gently kindly patiently proudly softly calmly politely eagerly warmly "
    "cheerfully cleverly skilfully neatly nicely seriously tenderly thoughtfully "
    "nervously curiously joyfully silently attentively generously gracefully lovingly playfully properly quickly "
    "respectfully sensibly smoothly steadily tirelessly elegantly peacefully diligently"
)
INTERJECTIONS: str = "hello hi hey oh ah goodbye bye welcome thanks thank congratulations excuse well okay dear cheers"
AUXILIARIES: str = (
    "am is are was were be been being do does did have has had having can could will would shall should must may might "
    "let not"
)
