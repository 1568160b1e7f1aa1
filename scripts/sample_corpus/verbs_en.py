"""English verbs of the sample corpus: irregular forms, and which things each verb is done to.

`FRAMES` is where sense comes from. One line is one kind of deed in one topic: verbs divided by "/", then what
follows them, with slots that `writer_en.py` fills from a group of nouns. Pure data.
"""

# base -> past, participle
IRREGULAR: dict[str, str] = {
    "buy": "bought bought", "bring": "brought brought", "catch": "caught caught", "choose": "chose chosen",
    "come": "came come", "cut": "cut cut", "draw": "drew drawn", "drink": "drank drunk", "drive": "drove driven",
    "eat": "ate eaten", "fall": "fell fallen", "feed": "fed fed", "feel": "felt felt", "find": "found found",
    "fly": "flew flown", "forget": "forgot forgotten", "get": "got got", "give": "gave given", "go": "went gone",
    "grow": "grew grown", "hang": "hung hung", "have": "had had", "hear": "heard heard", "hide": "hid hidden",
    "hold": "held held", "keep": "kept kept", "know": "knew known", "learn": "learned learned", "leave": "left left",
    "lend": "lent lent", "lose": "lost lost", "make": "made made", "meet": "met met", "pay": "paid paid",
    "put": "put put", "read": "read read", "ride": "rode ridden", "ring": "rang rung", "run": "ran run",
    "say": "said said", "see": "saw seen", "sell": "sold sold", "send": "sent sent", "sew": "sewed sewn",
    "shine": "shone shone", "sing": "sang sung", "sit": "sat sat", "sleep": "slept slept", "speak": "spoke spoken",
    "spend": "spent spent", "stand": "stood stood", "swim": "swam swum", "sweep": "swept swept", "take": "took taken",
    "teach": "taught taught", "tell": "told told", "think": "thought thought", "throw": "threw thrown",
    "understand": "understood understood", "wake": "woke woken", "wear": "wore worn", "win": "won won",
    "write": "wrote written", "begin": "began begun", "break": "broke broken", "build": "built built",
    "blow": "blew blown", "become": "became become", "lay": "laid laid", "light": "lit lit", "rise": "rose risen",
    "show": "showed shown", "steal": "stole stolen", "hurt": "hurt hurt", "cost": "cost cost", "dig": "dug dug",
    "spread": "spread spread", "set": "set set", "let": "let let", "lie": "lay lain", "weave": "wove woven",
    "lead": "led led", "mean": "meant meant", "do": "did done", "be": "was been", "shake": "shook shaken",
    "wind": "wound wound", "hit": "hit hit", "freeze": "froze frozen", "fit": "fitted fitted", "grind": "ground ground",
}  # fmt: skip

# regular verbs that scenes use outside FRAMES
PLAIN: str = (
    "earn like love want need hope wish enjoy live work play help thank ask answer arrive return stay wait laugh smile cry "
    "shout whisper talk chat listen look watch walk travel visit open close start finish stop try use call rain snow "
    "rest dance dream remember decide promise invite plan prefer seem taste smell weigh order serve cost turn cross "
    "continue follow reach pass add mix stir pour bake boil fry cool wash dry iron hurry celebrate share offer happen "
    "explain discover notice appear bark purr chase climb jump hop hunt hatch bloom mark measure check count divide "
    "multiply subtract equal belong greet hug kiss wave knock cough rest swallow believe suppose agree miss save "
    "marry move join practise sail land depart cheer applaud clap score train exercise breathe stretch relax wonder "
    "recommend reward describe contact collect deliver repair hope welcome cover press lock point lift roll press "
    "surprise study name last leave change hand pick stay book note sound matter end care bless relax worry "
    "accept join smell fill burn wrap rise introduce arrange look prepare guess land snow shine blow chirp graze fold "
    "sneeze float"
)

# topic -> lines of deeds
FRAMES: dict[str, str] = {
    "recipe": """
        wash/chop/slice/add {some vegetable}
        peel/boil/mash {some peel_word}
        cut/add/wash {some fruit}
        heat/melt/add {some season_word}
        measure/weigh/add {some baking_word}
    """,
    "kitchen": """
        prepare/make/serve {a dish}
        bake {a bake_word}
        chop/slice/wash/cook {some vegetable}
        peel/boil {some peel_word}
        fry/grill/roast {some vegetable} with {some season_word}
        wash/dry/rinse {the dishware}
        fill {a vessel} with {some drink}
        taste/try {some dish}
        cut/wash/share {some fruit}
        stir/heat/cool {the drink}
        pour/drink {some drink}
        spread {some spread_word} on the bread
        mix/weigh/measure {some staple}
        put {some fruit} in {a bowl_word}
    """,
    "garden": """
        plant/water/grow/cut {some flower}
        trim/prune/plant {a tree}
        dig a hole with {a tool}
        pick/gather/collect {some fruit}
        sweep the path with {a tool}
        paint/repair/mend {the farm_part}
        sit under/rest under/read under {a tree}
        watch/admire/photograph {a bird}
        follow/observe {a insect}
        harvest/sow/water {some vegetable}
        listen to {a bird}
    """,
    "workshop": """
        repair/mend/fix/restore/polish {a furniture}
        build/paint/varnish/design {a furniture}
        sharpen/clean/oil/borrow {a tool}
        carve/sand {a toy}
        look for {a tool}
        lend {a friend_word} {a tool}
        fix/inspect/repair {a vehicle}
        mend/repair {a thing_clockish}
    """,
    "home": """
        clean/tidy/sweep/dust {the room}
        iron/fold/wash/hang {some clothes}
        move/polish/cover {the furniture}
        open/close/clean {the open_word}
        look for {a small_thing}
        find {a small_thing} behind {the hiding_place}
        put {a small_thing} on {the surface}
        light {a thing_light} in {the room}
        sew/mend/knit/shorten {a clothes}
        wrap/hide/unpack {a small_thing}
        throw away {a thing}
    """,
    "market": """
        buy/choose/order {some fruit}
        buy/order/pick {some vegetable}
        buy/choose {a clothes}
        compare/weigh {some vegetable}
        pay for {a thing}
        sell/buy {a dishware}
        carry/bring {a small_thing}
        taste/try {some fruit}
        ask for {some staple}
        admire/examine {a thing}
        exchange {a clothes} for {a clothes}
    """,
    "study": """
        read/finish/translate/copy {a text}
        write/send/receive {a letter_kind}
        study/discuss/explain {a text}
        draw/sketch {a wild_animal}
        draw/paint {a nature}
        solve/invent {a riddle_word}
        borrow/return/lend {a text}
        find/share/borrow {a school}
        memorize/recite {a poem_word}
        correct/print {a text}
    """,
    "leisure": """
        play/practise {the instrument}
        listen to {a instrument}
        fly {a kite_word}
        throw/catch {a ball_word}
        tell/invent/remember {a idea_told}
        organize/plan {a event}
        photograph/paint/visit {a nature}
        play with {a pet}
        watch {a film_word}
        collect {pl collectible}
        prepare/celebrate {a party_word}
        sing/hum {a song_word}
        climb/explore {a nature_high}
    """,
    "farm": """
        feed/brush/wash/milk {the milkable}
        feed/brush/call {the farm_animal}
        lead/guide {the farm_animal} to {the pasture}
        harvest/pick/gather {some fruit}
        harvest/sow/grow {some vegetable}
        drive/repair/wash {a farm_vehicle}
        repair/build/paint {the farm_part}
        carry {a tool} to {the pasture}
        protect {the farm_animal} from {a predator}
    """,
    "travel": """
        visit/explore/discover {a place}
        visit/photograph/admire {a nature}
        pack/carry/open {a luggage}
        take/catch {a vehicle_public}
        drive/park/rent {a vehicle_own}
        study/buy/unfold {a map_word}
        describe/reach {a place}
        meet/greet/thank {a person}
        watch/photograph {a wild_animal}
        walk along {the nature_low}
        buy/choose {a souvenir}
    """,
    "care": """
        feed/brush/stroke/bathe {the pet}
        walk/train/tease {the dog_word}
        wait for/look after/call {the pet}
        hug/carry/adopt {the pet}
        take {the pet} to the vet
        play with {the pet}
    """,
    "people": """
        help/greet/thank/visit {a person}
        invite/call/meet {a person}
        wait for/smile at/talk to {a person}
        teach/help/encourage {a child}
        surprise/hug/kiss {my family}
        write to/phone {my family}
        interview/advise/welcome {a person}
        tell {my family} {a idea_told}
        lend {a person} {a small_thing}
        give {my family} {a small_thing}
        show {a child} {a small_thing}
        bring {a person} {some fruit}
    """,
    "dress": """
        wear/choose/try on/put on {a clothes}
        take off/hang/button {the clothes}
        wash/iron/mend {some clothes}
        look for {a clothes}
        lend {my family} {a clothes}
    """,
    "sea": """
        swim towards/sail towards/row towards {a nature_sea}
        watch/follow {a sea_animal}
        clean/repair/paint {a boat_word}
        collect shells in {a thing_container}
        hear/follow {a bird}
        draw/photograph {a sea_animal}
        wait for/board {a boat_word}
    """,
    "office": """
        print/sign/copy/file {a doc_word}
        call/meet/advise {a customer_word}
        prepare/attend/plan/cancel {a meeting_word}
        answer/read/forward {a letter_word}
        clean/move/rearrange {the furniture}
        solve/explain/discuss {a problem_word}
        look for {a small_thing}
    """,
}

# small groups that only some deeds ask for: nouns, then the group whose adjectives suit them
SUBGROUPS: dict[str, tuple[str, str]] = {
    "bake_word": ("pie cake biscuit muffin tart pizza pasty pudding", "dish"),
    "peel_word": ("potato carrot onion turnip parsnip beetroot", "vegetable"),
    "season_word": ("garlic oil butter salt parsley", "staple"),
    "spread_word": ("butter honey jam cheese chocolate cream", "staple"),
    "vessel": ("cup glass mug jug pot kettle teapot jar", "dishware"),
    "bowl_word": ("bowl basket bag box", "dishware"),
    "farm_part": ("gate fence wall roof door tower bridge", "part"),
    "open_word": ("window door gate curtain", "part"),
    "small_thing": (
        "key watch candle camera box bag wallet vase bottle lantern purse necklace brooch compass stamp coin ribbon "
        "bracelet parcel comb brush ticket bell needle button radio torch photograph book pen notebook ring letter",
        "thing",
    ),
    "hiding_place": ("sofa wardrobe desk cupboard bookcase mirror armchair bed", "furniture"),
    "surface": ("table chair shelf desk bench chest stool", "furniture"),
    "pasture": ("field meadow orchard vineyard hill valley", "nature"),
    "letter_kind": ("letter poem postcard invitation recipe message", "text"),
    "doc_word": ("letter leaflet invitation plan list", "text"),
    "party_word": ("party dinner picnic lunch", "event"),
    "friend_word": ("friend neighbour cousin", "person"),
    "thing_clockish": ("clock watch radio", "furniture"),
    "thing_light": ("candle lamp lantern", "dishware"),
    "thing_container": ("basket box bag bucket bottle", "toy"),
    "house_pet": ("dog cat puppy kitten rabbit hamster", "pet"),
    "sibling": ("brother sister cousin nephew niece uncle aunt", "family"),
    "kitchen_word": ("kitchen", "room"),
    "hurt_body": ("foot tooth knee arm leg back eye ear finger shoulder elbow ankle wrist thumb toe", "body"),
    "home_word": ("house flat", "room"),
    "animal_word": ("dog cat rabbit horse bird parrot pony", ""),
    "fixed_word": ("tower bridge fountain fence gate wall", "part"),
    "high_word": ("tower bridge terrace balcony", "part"),
    "stir_word": ("spoon fork ladle", ""),
    "baking_word": ("flour rice sugar butter pasta cheese", ""),
    "subject_word": ("maths history science geography music", ""),
    "riddle_word": ("riddle puzzle", "idea"),
    "poem_word": ("poem song story", "text"),
    "song_word": ("song", "idea"),
    "film_word": ("film play match", "event"),
    "kite_word": ("kite", "toy"),
    "ball_word": ("ball balloon", "toy"),
    "idea_told": ("story joke riddle", "idea"),
    "collectible": ("stamp coin postcard shell feather", "thing"),
    "nature_high": ("mountain hill cliff volcano", "nature"),
    "nature_low": ("river beach lake path canyon bay valley stream", "nature"),
    "nature_sea": ("island bay beach cliff", "nature"),
    "milkable": ("cow goat sheep", "farm_animal"),
    "farm_vehicle": ("tractor lorry van", "vehicle"),
    "predator": ("fox wolf bear", "wild_animal"),
    "luggage": ("suitcase backpack bag", "tool"),
    "vehicle_public": ("bus train tram taxi ferry boat", "vehicle"),
    "vehicle_own": ("car van motorbike", "vehicle"),
    "map_word": ("map", "school"),
    "souvenir": ("postcard hat necklace painting bracelet scarf bottle vase basket", "dishware"),
    "dog_word": ("dog puppy pony", "pet"),
    "boat_word": ("boat canoe ship ferry", "vehicle"),
    "customer_word": ("customer guest visitor engineer lawyer journalist", "person"),
    "meeting_word": ("meeting interview trip visit", "event"),
    "letter_word": ("letter message", "text"),
    "problem_word": ("problem question mistake plan", "idea"),
}

# what may follow a deed of a topic ("*": of any); the slot "again" stands for another deed of the same topic and form
ADJUNCTS: dict[str, str] = {
    "*": """
        with {my family}
        together with {a person}
        [very|quite] {manner}
        {manner} and {manner}
        and then {again}
        and later {again}
        with the help of {a person}
        before {ing leisure}
        after {ing study}
    """,
    "kitchen": "in {the kitchen_word} for {digits 2 30} guests || before {ing dress} || and then {again}",
    "recipe": "for {digits 2 60} minutes || very {manner} || in {a bowl_word}",
    "garden": "behind {the home_word} || near {the part} || early in the morning || after {ing kitchen}",
    "home": "with {my family} || before {ing kitchen} || because of {the event}",
    "market": "for {the event} || near {the place} || before {ing kitchen}",
    "study": "on page {digits 10 400} of {a text} || in {the room} || about {pl person} and {pl child} || about {pl insect} and {pl sea_animal} || about {pl furniture} and {pl clothes} || about {pl nature} and {pl wild_animal} || for {my family}",
    "leisure": "in {elsewhere} || near {elsewhere} || after {ing kitchen}",
    "travel": "in {elsewhere} || near {elsewhere}",
    "people": "in {the place} || near {the place} || before {ing leisure}",
    "farm": "near {the pasture} || with {my family}",
    "sea": "near {elsewhere} || with {a person}",
    "office": "at {the place} || with {a person}",
    "workshop": "in {the room} || with {my family} || before {ing home}",
    "dress": "for {the event} || before {ing travel}",
    "care": "in {the room} || near {the nature} || before {ing kitchen}",
}
