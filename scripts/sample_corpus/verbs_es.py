"""Spanish verbs of the sample corpus: irregular forms, and which things each verb is done to.

The conjugation rules are in `spanish.py`; here stand only the facts the rules cannot know. `FRAMES` is read as in
`verbs_en.py`: verbs divided by "/", then what follows them. Pure data.
"""

# the stem vowel that changes under stress
STEM_CHANGES: dict[str, str] = {
    "e>ie": "pensar cerrar empezar comenzar despertar sentar regar calentar querer perder entender encender preferir "
    "sentir divertir nevar atravesar merendar recomendar tener venir sembrar hervir fregar tender recomendar",
    "o>ue": "contar encontrar mostrar volar acostar probar recordar soñar poder volver mover doler dormir devolver sonar "
    "costar colgar llover resolver almorzar oler rodar aprobar envolver",
    "u>ue": "jugar",
    "e>i": "pedir servir seguir repetir vestir elegir medir despedir sonreír reír freír decir corregir",
    "i>í": "enviar esquiar vaciar guiar fotografiar",
    "u>ú": "continuar reunir actuar",
}  # fmt: skip

# first person singular of the present, where it is not the stem plus "o"
FIRST_PERSON: dict[str, str] = {
    "tener": "tengo", "venir": "vengo", "poner": "pongo", "salir": "salgo", "hacer": "hago", "traer": "traigo",
    "caer": "caigo", "decir": "digo", "oír": "oigo", "ver": "veo", "saber": "sé", "dar": "doy", "caber": "quepo",
}  # fmt: skip

# whole tenses: I, you, he/she, we, they
IRREGULAR_TENSES: dict[str, dict[str, str]] = {
    "ser": {
        "pres": "soy eres es somos son", "pret": "fui fuiste fue fuimos fueron", "imp": "era eras era éramos eran",
        "subj": "sea seas sea seamos sean",
    },
    "ir": {
        "pres": "voy vas va vamos van", "pret": "fui fuiste fue fuimos fueron", "imp": "iba ibas iba íbamos iban",
        "subj": "vaya vayas vaya vayamos vayan",
    },
    "estar": {
        "pres": "estoy estás está estamos están", "pret": "estuve estuviste estuvo estuvimos estuvieron",
        "subj": "esté estés esté estemos estén",
    },
    "haber": {
        "pres": "he has ha hemos han", "pret": "hube hubiste hubo hubimos hubieron",
        "subj": "haya hayas haya hayamos hayan",
    },
    "guiar": {"pret": "guie guiaste guio guiamos guiaron"},
    "dar": {"pret": "di diste dio dimos dieron", "subj": "dé des dé demos den"},
    "ver": {"pret": "vi viste vio vimos vieron", "imp": "veía veías veía veíamos veían"},
    "saber": {"subj": "sepa sepas sepa sepamos sepan"},
    "oír": {"pres": "oigo oyes oye oímos oyen"},
    "reír": {"pres": "río ríes ríe reímos ríen", "pret": "reí reíste rio reímos rieron"},
    "sonreír": {"pres": "sonrío sonríes sonríe sonreímos sonríen", "pret": "sonreí sonreíste sonrió sonreímos sonrieron"},
    "freír": {"pres": "frío fríes fríe freímos fríen", "pret": "freí freíste frio freímos frieron"},
    "oler": {"pres": "huelo hueles huele olemos huelen", "subj": "huela huelas huela olamos huelan"},
}  # fmt: skip

# strong preterites: their stem
STRONG_PRETERITE: dict[str, str] = {
    "tener": "tuv", "poder": "pud", "poner": "pus", "saber": "sup", "venir": "vin", "hacer": "hic", "querer": "quis",
    "decir": "dij", "traer": "traj", "conducir": "conduj", "traducir": "traduj", "andar": "anduv",
}  # fmt: skip

FUTURE_STEM: dict[str, str] = {
    "tener": "tendr", "poner": "pondr", "salir": "saldr", "venir": "vendr", "poder": "podr", "saber": "sabr",
    "haber": "habr", "querer": "querr", "hacer": "har", "decir": "dir", "oír": "oir", "reír": "reir",
    "sonreír": "sonreir", "freír": "freir",
}  # fmt: skip

PARTICIPLES: dict[str, str] = {
    "abrir": "abierto", "cubrir": "cubierto", "decir": "dicho", "escribir": "escrito", "hacer": "hecho",
    "poner": "puesto", "romper": "roto", "ver": "visto", "volver": "vuelto", "devolver": "devuelto",
    "resolver": "resuelto", "descubrir": "descubierto", "freír": "frito", "describir": "descrito",
    "envolver": "envuelto",
}  # fmt: skip

GERUNDS: dict[str, str] = {
    "ir": "yendo", "poder": "pudiendo", "decir": "diciendo", "venir": "viniendo", "reír": "riendo",
    "sonreír": "sonriendo", "freír": "friendo",
}  # fmt: skip

COMMANDS: dict[str, str] = {
    "poner": "pon",
    "hacer": "haz",
    "tener": "ten",
    "venir": "ven",
    "salir": "sal",
    "decir": "di",
    "ir": "ve",
    "ser": "sé",
}

# verbs that scenes use outside FRAMES
PLAIN: str = (
    "gastar meter ofrecer ser estar haber tener ir venir hacer poder querer deber saber decir dar ver oír llegar salir entrar volver regresar "
    "vivir trabajar gustar encantar llamar hablar charlar escuchar mirar pasar quedar esperar desear necesitar ayudar "
    "agradecer responder preguntar contestar reír sonreír llorar gritar dormir despertar levantar acostar descansar "
    "bailar soñar decidir prometer invitar preferir parecer oler costar valer empezar comenzar terminar acabar dejar "
    "seguir continuar parar usar llover nevar soplar brillar subir bajar caminar pasear correr saltar nadar viajar "
    "cruzar girar doblar torcer tardar durar mezclar batir añadir echar enfriar calentar servir cubrir "
    "lavar secar sentar jugar ganar perder compartir celebrar ocurrir suceder explicar descubrir aparecer esconder "
    "ladrar maullar trepar cazar florecer marcar medir pesar contar dividir multiplicar restar sumar quitar repetir "
    "abrazar saludar besar llamar toser doler creer pensar entender conocer recordar olvidar poner traer llevar "
    "comer beber cenar desayunar almorzar merendar casar mudar reunir acercar encontrar faltar sobrar cumplir nacer "
    "crecer aprender enseñar practicar entrenar marcar aplaudir disfrutar divertir cuidar mover caer tomar felicitar "
    "recomendar premiar describir devolver recoger entregar sentir alegrar preocupar calmar respirar relajar "
    "estirar sonar pertenecer elegir cantar volar despedir vestir cambiar pagar abrir cerrar buscar mostrar "
    "regalar enviar recibir leer escribir comprar vender probar pedir dibujar pintar guardar encender apagar limpiar "
    "resultar amanecer repartir asomar revisar colocar reposar "
)

# topic -> lines of deeds; "a" before a person or a pet is the personal a
FRAMES: dict[str, str] = {
    "recipe": """
        lavar/picar/cortar/añadir {unos vegetable}
        pelar/hervir {unos peel_word}
        cortar/añadir/lavar {unos fruit}
        calentar/añadir {el season_word -}
        pesar/medir/añadir {el baking_word -}
    """,
    "kitchen": """
        cocinar/preparar/hacer/servir {un dish}
        cortar/picar/lavar {unos vegetable}
        pelar/hervir {unos peel_word}
        freír/asar {unos vegetable} con {bare season_word}
        lavar/secar/fregar {el dishware}
        llenar {un vessel} de {bare drink}
        probar {un dish}
        cortar/lavar/compartir {unos fruit}
        calentar/enfriar {el drink}
        beber/tomar/servir {unos drink}
        mezclar/pesar/medir {el staple}
        poner {unos fruit} en {un bowl_word}
    """,
    "garden": """
        plantar/regar/cultivar/cortar {unos flower}
        podar/plantar/regar {un tree}
        cavar un hoyo con {un tool}
        recoger/coger {unos fruit}
        barrer el camino con {un tool}
        pintar/reparar/arreglar {el farm_part}
        descansar bajo/leer bajo/merendar bajo {un tree}
        mirar/admirar/fotografiar {un bird}
        seguir/observar {un insect}
        cosechar/sembrar/regar {unos vegetable}
        escuchar {un bird}
    """,
    "workshop": """
        reparar/arreglar/restaurar/barnizar {un furniture}
        construir/pintar/lijar/diseñar {un furniture}
        afilar/limpiar/engrasar {un tool}
        tallar/pintar {un toy}
        buscar {un tool}
        prestar {un tool} {a friend_word}
        reparar/revisar/arreglar {un vehicle}
    """,
    "home": """
        limpiar/ordenar/barrer/ventilar {el room}
        planchar/doblar/lavar/tender {unos clothes}
        mover/limpiar/cubrir {el furniture}
        abrir/cerrar/limpiar {el part_open}
        buscar {un small_thing}
        encontrar {un small_thing} detrás de {el hiding_place}
        dejar {un small_thing} encima de {el surface}
        encender {un thing_light} en {el room}
        coser/remendar/tejer {un clothes}
        envolver/esconder/guardar {un small_thing}
        tirar {un thing}
    """,
    "market": """
        comprar/elegir/pedir {unos fruit}
        comprar/pedir/escoger {unos vegetable}
        comprar/elegir {un clothes}
        comparar/pesar {unos vegetable}
        pagar {un thing}
        vender/comprar {un dishware}
        llevar/traer {un small_thing}
        probar {unos fruit}
        pedir {unos staple}
        admirar/examinar {un thing}
        cambiar {un clothes} por {un clothes}
    """,
    "study": """
        leer/terminar/traducir/copiar {un text}
        escribir/enviar/recibir {un letter_kind}
        estudiar/comentar/explicar {un text}
        dibujar {un wild_animal}
        dibujar/pintar {un nature}
        resolver/inventar {un riddle_word}
        devolver/prestar/pedir {un text}
        perder/encontrar/compartir {un school}
        recitar/memorizar {un poem_word}
        corregir/imprimir {un text}
    """,
    "leisure": """
        tocar/practicar con {el instrument}
        escuchar {un instrument}
        lanzar/perseguir {un toy_air}
        contar/inventar/recordar {un idea_told}
        organizar/disfrutar de/planear {un event}
        fotografiar/pintar/visitar {un nature}
        jugar con {un pet}
        ver {un film_word}
        coleccionar {unos collectible}
        preparar/celebrar {un party_word}
        cantar/tararear {un song_word}
        subir a/explorar {un nature_high}
    """,
    "farm": """
        cepillar/ordeñar {el milkable}
        guiar {a farm_animal} hasta {el pasture}
        alimentar/contar/vigilar {los farm_animal}
        cosechar/recoger {unos fruit}
        cosechar/sembrar/cultivar {unos vegetable}
        conducir/reparar/lavar {un farm_vehicle}
        reparar/construir/pintar {el farm_part}
        llevar {un tool} hasta {el pasture}
        proteger {los farm_animal} de {un predator}
    """,
    "travel": """
        visitar/explorar/descubrir {un place}
        visitar/fotografiar/admirar {un nature}
        preparar/llevar/perder/abrir {un luggage}
        tomar/perder/esperar {un vehicle_public}
        conducir/alquilar/aparcar {un vehicle_own}
        estudiar/comprar {un map_word}
        describir/recordar {un place}
        conocer/saludar {a person}
        ver/fotografiar {un wild_animal}
        pasear por {el nature_low}
        comprar/elegir {un souvenir}
    """,
    "care": """
        cepillar/acariciar/bañar {a pet}
        cuidar/alimentar/pasear {a pet}
        esperar/llamar/buscar {a pet}
        abrazar/adoptar {a pet}
        llevar {a pet} al veterinario
        jugar con {el pet}
    """,
    "people": """
        ayudar/saludar/visitar {a person}
        invitar/llamar/conocer {a person}
        esperar/escuchar/felicitar {a person}
        enseñar/ayudar/animar {a child}
        sorprender/abrazar/besar {a family}
        escribir/llamar {a family}
        entrevistar/aconsejar {a person}
        hablar con {un person}
        charlar con {su family}
    """,
    "dress": """
        llevar/elegir/probar {un clothes}
        guardar/colgar {el clothes}
        lavar/planchar/remendar {unos clothes}
        buscar {un clothes}
        comprar {un clothes}
    """,
    "sea": """
        nadar hacia/navegar hacia/remar hacia {un nature_sea}
        ver/mirar/observar {un sea_animal}
        limpiar/reparar/pintar {un boat_word}
        guardar conchas en {un thing_container}
        oír/seguir {un bird}
        dibujar/fotografiar {un sea_animal}
        esperar {un boat_word}
    """,
    "office": """
        imprimir/firmar/copiar/archivar {un doc_word}
        llamar/recibir/aconsejar {a customer_word}
        preparar/cancelar/anunciar {un meeting_word}
        contestar/leer/reenviar {un letter_word}
        limpiar/mover/ordenar {el furniture}
        resolver/explicar/comentar {un problem_word}
        buscar {un small_thing}
    """,
}

# small groups that only some deeds ask for: nouns (of the lexicon), then the group whose adjectives suit them
SUBGROUPS: dict[str, tuple[str, str]] = {
    "peel_word": ("patata zanahoria cebolla nabo remolacha", "vegetable"),
    "season_word": ("ajo aceite mantequilla perejil sal romero", ""),
    "vessel": ("taza vaso jarra olla tetera jarro copa", "dishware"),
    "bowl_word": ("cesta cuenco bolsa caja", "dishware"),
    "farm_part": ("puerta valla muro techo verja torre puente", "part"),
    "small_thing": (
        "reloj paraguas anillo bolso collar jarrón sobre sello boleto paquete peine botón llave vela cámara moneda "
        "botella linterna cartera pulsera brújula cinta foto campana aguja radio libro carta cuaderno",
        "thing",
    ),
    "hiding_place": ("sofá armario escritorio espejo sillón baúl cama estantería cómoda", "furniture"),
    "surface": ("mesa silla estante banco escritorio repisa cama", "furniture"),
    "pasture": ("prado campo valle huerto pradera colina arroyo", "nature"),
    "letter_kind": ("carta poema postal receta mensaje nota", "text"),
    "doc_word": ("carta folleto informe lista plan nota", "text"),
    "party_word": ("fiesta boda festival cena cumpleaños", "event"),
    "friend_word": ("amigo amiga vecino vecina primo prima", "person"),
    "thing_light": ("vela lámpara farol linterna", "dishware"),
    "thing_container": ("cesta caja bolsa cubo botella", "toy"),
    "part_open": ("puerta ventana verja persiana", "part"),
    "house_pet": ("perro gato conejo cachorro gatito perra gata coneja gatita perrita", "pet"),
    "sibling": ("hermano hermana primo prima sobrino sobrina tío tía", "family"),
    "kitchen_word": ("cocina", "room"),
    "hurt_body": (
        "brazo pie diente hombro codo dedo ojo cuello tobillo mano cabeza pierna espalda rodilla oreja",
        "body",
    ),
    "home_word": ("casa piso", "place"),
    "animal_word": ("perro gato conejo caballo pájaro loro", ""),
    "fixed_word": ("torre puente fuente valla verja muro", "part"),
    "high_word": ("torre puente terraza balcón", "part"),
    "stir_word": ("cuchara tenedor", ""),
    "baking_word": ("harina arroz azúcar mantequilla pasta queso", ""),
    "subject_word": ("historia geografía música lengua ciencia", ""),
    "riddle_word": ("acertijo rompecabezas adivinanza", "idea"),
    "poem_word": ("poema canción cuento", "text"),
    "song_word": ("canción", "idea"),
    "film_word": ("película partido concierto", "event"),
    "toy_air": ("cometa pelota globo", "toy"),
    "idea_told": ("historia chiste adivinanza leyenda acertijo", "idea"),
    "collectible": ("sello moneda postal concha pluma piedra", "thing"),
    "nature_high": ("montaña colina acantilado volcán", "nature"),
    "nature_low": ("playa sendero valle costa bahía orilla bosque", "nature"),
    "nature_sea": ("isla bahía playa acantilado", "nature"),
    "milkable": ("vaca cabra oveja", "farm_animal"),
    "farm_vehicle": ("tractor camión furgoneta", "vehicle"),
    "predator": ("zorro lobo oso", "wild_animal"),
    "luggage": ("maleta mochila bolsa", "tool"),
    "vehicle_public": ("autobús tren tranvía taxi barco avión", "vehicle"),
    "vehicle_own": ("coche furgoneta moto", "vehicle"),
    "map_word": ("mapa", "school"),
    "souvenir": ("postal sombrero collar cuadro pulsera bufanda botella jarrón cesta", "dishware"),
    "boat_word": ("barco canoa barca velero lancha", "vehicle"),
    "customer_word": ("cliente invitado ingeniera abogada periodista", "person"),
    "meeting_word": ("reunión entrevista viaje visita", "event"),
    "letter_word": ("carta mensaje correo", "text"),
    "problem_word": ("problema pregunta error plan", "idea"),
}

# what may follow a deed of a topic ("*": of any); the slot "again" stands for another deed of the same topic and form
ADJUNCTS: dict[str, str] = {
    "*": """
        con {su family}
        junto a {un person}
        [muy despacio|con mucho cuidado|sin prisa|con paciencia|con alegría|con calma]
        {manner}
        y después {again}
        y luego {again}
        con la ayuda de {un person}
        antes de {inf leisure}
        después de {inf study}
    """,
    "kitchen": "en {el kitchen_word} para {digits 2 30} invitados || antes de {inf dress} || y después {again}",
    "recipe": "durante {digits 2 60} minutos || [muy despacio|con mucho cuidado] || en {un bowl_word}",
    "garden": "detrás de {el home_word} || cerca de {el part} || por la mañana temprano || después de {inf kitchen}",
    "home": "con {su family} || antes de {inf kitchen} || para {el event}",
    "market": "para {el event} || cerca de {el place} || antes de {inf kitchen}",
    "study": "en la página {digits 10 400} de {un text} || en {el room} || sobre {plural person} y {plural child} || sobre {plural insect} y {plural sea_animal} || sobre {plural furniture} y {plural clothes} || sobre {plural nature} y {plural wild_animal} || para {su family}",
    "leisure": "en {elsewhere} || cerca de {elsewhere} || después de {inf kitchen}",
    "travel": "en {elsewhere} || cerca de {elsewhere}",
    "people": "en {el place} || cerca de {el place} || antes de {inf leisure}",
    "farm": "cerca de {el pasture} || con {su family}",
    "sea": "cerca de {elsewhere} || con {un person}",
    "office": "en {el place} || con {un person}",
    "workshop": "en {el room} || con {su family} || antes de {inf home}",
    "dress": "para {el event} || antes de {inf travel}",
    "care": "en {el room} || cerca de {el nature} || antes de {inf kitchen}",
}
