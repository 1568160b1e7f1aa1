"""Spanish nouns, adjectives and small words of the sample corpus, grouped by meaning (see `lexicon_en.py`).

A group holds masculine nouns, then feminine ones. Pure data: `spanish.py` inflects it,
`writer_es.py` speaks with it and `agreement_es.py` judges with it.
"""

# group -> (masculine nouns, feminine nouns), singular
NOUNS: dict[str, tuple[str, str]] = {
    "fruit": (
        "melocotón limón plátano melón higo mango albaricoque pomelo kiwi arándano",
        "manzana pera naranja cereza ciruela fresa sandía piña uva mandarina frambuesa mora granada",
    ),
    "vegetable": (
        "tomate pepino pimiento calabacín puerro rábano repollo champiñón nabo espárrago guisante",
        "zanahoria cebolla patata lechuga calabaza berenjena coliflor alcachofa acelga espinaca remolacha",
    ),
    "dish": (
        "pastel guiso bizcocho bocadillo flan asado gazpacho cocido buñuelo",
        "tortilla tarta sopa ensalada empanada croqueta galleta paella crema lasaña",
    ),
    "staple": (
        "pan arroz queso azúcar aceite ajo chocolate perejil vinagre yogur romero orégano",
        "harina mantequilla miel sal pasta mermelada carne canela pimienta nata",
    ),
    "drink": ("té café zumo vino cacao batido", "leche limonada horchata sidra manzanilla"),
    "tool": (
        "martillo serrucho taladro rastrillo destornillador pincel cincel cubo clavo tornillo alicate cepillo",
        "pala escalera escoba hacha carretilla manguera lima azada sierra fregona",
    ),
    "dishware": (
        "plato vaso cuenco tenedor cuchillo tazón jarro cucharón",
        "taza cuchara olla sartén tetera bandeja jarra cafetera cazuela copa",
    ),
    "furniture": (
        "armario sofá sillón banco espejo escritorio taburete estante baúl aparador cajón perchero",
        "mesa silla cama lámpara estantería alfombra cuna mecedora cómoda vitrina repisa",
    ),
    "clothes": (
        "abrigo sombrero vestido jersey zapato guante pantalón calcetín cinturón pañuelo delantal chaleco pijama gorro",
        "camisa falda chaqueta bufanda gorra bota blusa camiseta corbata sandalia zapatilla capa",
    ),
    "text": (
        "libro periódico poema cuaderno diccionario cuento diario folleto informe manual",
        "carta revista novela postal receta nota enciclopedia historieta",
    ),
    "instrument": (
        "piano violín tambor acordeón clarinete violonchelo saxofón",
        "guitarra flauta trompeta arpa pandereta armónica bandurria",
    ),
    "toy": (
        "globo muñeco títere rompecabezas patín trompo columpio cohete",
        "pelota muñeca cometa canica peonza marioneta",
    ),
    "thing": (
        "reloj paraguas anillo bolso collar jarrón sobre sello boleto pincel farol telescopio paquete peine botón "
        "cuadro trofeo cesto frasco imán abanico baúl candado ovillo broche",
        "llave cesta vela cámara maleta caja bolsa manta moneda botella linterna cartera mochila almohada pulsera "
        "brújula cinta toalla foto campana aguja cuerda radio bandera estatua tijera",
    ),
    "school": (
        "lápiz bolígrafo cuaderno sacapuntas compás borrador estuche",
        "regla goma pizarra carpeta tiza calculadora libreta",
    ),
    "vehicle": (
        "coche autobús tren barco tranvía camión taxi tractor avión velero",
        "bicicleta moto furgoneta barca canoa lancha",
    ),
    "pet": (
        "perro gato conejo loro cachorro hámster canario gatito",
        "perra gata coneja tortuga gatita perrita",
    ),
    "farm_animal": (
        "caballo burro cerdo pato gallo cordero toro ternero pavo buey",
        "vaca oveja cabra gallina yegua mula oca ternera",
    ),
    "wild_animal": (
        "zorro oso lobo ciervo ratón erizo tejón león tigre mono elefante cocodrilo canguro lagarto camello "
        "rinoceronte leopardo castor murciélago",
        "ardilla liebre rana jirafa cebra serpiente nutria pantera salamandra",
    ),
    "bird": (
        "búho mirlo cuervo gorrión cisne halcón ruiseñor pingüino buitre jilguero",
        "golondrina paloma gaviota cigüeña garza urraca lechuza águila alondra perdiz",
    ),
    "sea_animal": (
        "delfín pulpo cangrejo tiburón salmón caracol calamar",
        "ballena foca medusa langosta sardina trucha",
    ),
    "insect": (
        "grillo escarabajo saltamontes mosquito ciempiés",
        "abeja mariposa hormiga mariquita araña libélula luciérnaga polilla avispa",
    ),
    "tree": (
        "roble pino olivo sauce castaño ciprés nogal almendro naranjo limonero abeto álamo cerezo manzano",
        "encina higuera palmera haya acacia",
    ),
    "flower": (
        "clavel lirio girasol jazmín tulipán narciso geranio",
        "rosa margarita violeta amapola azucena orquídea hortensia camelia dalia",
    ),
    "person": (
        "maestro panadero médico enfermero jardinero carpintero pintor escritor cocinero vecino sastre bibliotecario "
        "pescador tendero cartero piloto ingeniero dentista músico fotógrafo abogado científico veterinario camarero "
        "fontanero mecánico pastor marinero periodista actor bailarín alfarero arquitecto electricista florista "
        "peluquero juez zapatero relojero bombero traductor granjero cantante estudiante carnicero profesor "
        "director agricultor apicultor guía conductor librero tejedor",
        "maestra panadera médica enfermera jardinera carpintera pintora escritora cocinera vecina sastra bibliotecaria "
        "pescadora tendera ingeniera dentista fotógrafa abogada científica veterinaria "
        "camarera fontanera mecánica pastora marinera periodista actriz bailarina alfarera arquitecta electricista "
        "florista peluquera jueza zapatera relojera bombera traductora granjera cantante estudiante carnicera "
        "profesora directora agricultora apicultora guía conductora librera tejedora",
    ),
    "child": ("niño chico alumno muchacho", "niña chica alumna muchacha"),
    "family": (
        "padre hermano abuelo tío primo hijo sobrino marido nieto suegro",
        "madre hermana abuela tía prima hija sobrina mujer nieta suegra",
    ),
    "room": (
        "jardín dormitorio baño salón desván sótano garaje balcón pasillo comedor despacho vestíbulo",
        "cocina habitación terraza despensa buhardilla sala azotea",
    ),
    "place": (
        "mercado museo parque hospital teatro hotel restaurante cine puerto aeropuerto estadio castillo zoo "
        "ayuntamiento supermercado laboratorio molino convento gimnasio taller acuario quiosco",
        "biblioteca escuela panadería estación farmacia iglesia fábrica granja oficina plaza universidad galería "
        "librería piscina frutería catedral posada clínica tienda peluquería pastelería heladería",
    ),
    "nature": (
        "río bosque lago valle campo desierto sendero prado volcán cañón arroyo huerto glaciar acantilado",
        "montaña colina playa isla cueva cascada pradera bahía laguna costa duna selva orilla",
    ),
    "part": (
        "techo suelo muro puente tejado portal timbre pozo escalón",
        "puerta ventana pared valla cerca chimenea torre fuente verja cortina persiana",
    ),
    "body": (
        "brazo pie diente hombro codo dedo ojo cuello tobillo estómago pulgar oído",
        "mano cabeza pierna espalda rodilla oreja nariz garganta muela",
    ),
    "event": (
        "concierto partido viaje desfile paseo festival ensayo concurso picnic cumpleaños almuerzo baile torneo",
        "fiesta boda reunión excursión clase cena carrera exposición competición entrevista visita merienda",
    ),
    "idea": (
        "chiste plan sueño secreto recuerdo consejo acertijo truco juego",
        "historia canción idea pregunta respuesta promesa sorpresa adivinanza leyenda noticia",
    ),
    "weather": (
        "viento sol trueno hielo cielo arcoíris frío calor rayo",
        "lluvia nieve niebla tormenta nube luna estrella brisa helada",
    ),
    "stuff": (
        "papel vidrio algodón cuero oro hierro barro jabón mármol cobre",
        "madera lana plata piedra arena seda hierba arcilla",
    ),
    "season": ("verano otoño invierno", "primavera"),
    "time": (
        "día mes año minuto fin momento siglo mediodía amanecer segundo rato anochecer cuarto",
        "mañana tarde noche semana hora medianoche temporada madrugada década época",
    ),
    "misc": (
        "punto hoyo visitante puesto provecho huevo estado detalle desayuno nombre pueblo trabajo amigo precio euro kilo metro kilómetro litro trozo rincón lado lugar camino número color "
        "tamaño peso pelo corazón idioma ruido silencio olor sabor dinero deporte ejercicio tráfico asiento cliente "
        "viajero pasajero mapa norte sur oeste cruce nido huevo aire mar cuerpo horno fuego postre apetito "
        "dolor resfriado jarabe descanso sueño premio ganador dueño aviso cartel grupo equipo mundo país barrio piso "
        "edificio número mensaje teléfono correo regalo problema resultado total error cuidado miedo favor gusto placer "
        "cariño abrazo beso saludo aplauso público escenario gol jugador ajedrez ramo árbol animal pájaro insecto vuelo "
        "billete andén equipaje retraso pedido menú desayuno examen curso ordenador tema capítulo título autor "
        "personaje dibujo círculo cuadrado triángulo par resto medio cuarto gramo grado clima tiempo arte perro "
        "bolsillo recado permiso pulso fondo centro final principio sitio modo tipo ratito montón "
        "vaso padre colegio ingrediente paso tono brillo sonido pico pelaje caparazón rayo "
        "atardecer oleaje verano hombre tendedero bebé gemelo saco horario instante brote tallo anfitrión invitado turno",
        "gente persona calle casa ciudad vida familia amiga docena rebanada esquina parte manera cosa edad sonrisa voz "
        "cara palabra página lección lengua música ayuda paz luz sombra rueda vuelta derecha izquierda carretera "
        "semilla raíz hoja rama pluma cola ala tierra agua masa mezcla tapa nevera salud fiebre tos medicina cuenta "
        "ganadora dueña puerta llamada dirección llegada salida planta altura distancia oferta suma resta "
        "diferencia razón regla práctica prisa alegría pena paciencia suerte verdad mentira sed hambre gana risa "
        "alegría bondad calma ola puesta cosecha película jugadora pareja mitad aula tarea asignatura historia "
        "geografía ciencia matemática gramática flor fruta verdura herramienta ropa gota bebida comida mascota ave "
        "tarjeta recompensa vacación profesión afición época temperatura previsión consulta pastilla cucharada tienda cliente "
        "pasajera viajera gracia felicidad enhorabuena forma línea figura altura cantidad libra copia moda "
        "marea concha cuna caricia vecindad bienvenida felicitación despedida respuesta foto rebaja talla "
        "madrina abuelita mermelada capital población frontera milla ruta mujer señal salsa cucharadita receta corteza "
        "cáscara invitada gemela anfitriona parada lista fila despensa función pantalla",
    ),
    "title": ("señor don caballero", "señora doña señorita"),
}

# masculine and feminine at once, as people are named: el/la dentista
COMMON_GENDER: str = "dentista periodista electricista florista cantante estudiante guía piloto cliente"

IRREGULAR_PLURALS: dict[str, str] = {
    "examen": "exámenes", "joven": "jóvenes", "imagen": "imágenes", "paraguas": "paraguas", "abrelatas": "abrelatas",
    "cumpleaños": "cumpleaños", "rompecabezas": "rompecabezas", "sacapuntas": "sacapuntas", "jersey": "jerséis",
    "saltamontes": "saltamontes", "ciempiés": "ciempiés", "arcoíris": "arcoíris", "sofá": "sofás", "bebé": "bebés",
    "menú": "menús", "té": "tés", "café": "cafés", "picnic": "picnics", "buey": "bueyes", "pie": "pies",
    "hámster": "hámsteres", "champiñón": "champiñones", "país": "países", "raíz": "raíces", "compás": "compases",
    "carácter": "caracteres", "zoo": "zoos",
}  # fmt: skip

# feminine nouns with a stressed first "a": el agua, un hacha
STRESSED_A: str = "agua águila hacha aula ala hambre ave arpa haya"

# nouns without a plural in these texts
MASS: str = (
    "pan arroz queso azúcar aceite ajo chocolate perejil vinagre yogur romero orégano harina mantequilla miel sal pasta "
    "mermelada carne canela pimienta nata té café zumo vino cacao batido leche limonada horchata sidra manzanilla viento "
    "lluvia nieve niebla hielo papel vidrio algodón cuero oro hierro barro jabón mármol cobre madera lana plata arena "
    "seda hierba arcilla gente dinero ropa agua música tráfico paciencia equipaje ayuda ajedrez hambre sed salud fuego "
    "aire frío calor"
)

# name of a set of adjectives -> adjectives (masculine singular)
ADJECTIVES: dict[str, str] = {
    "size": "grande pequeño enorme diminuto",
    "colour": "rojo azul verde amarillo blanco negro marrón gris morado dorado plateado rosado",
    "age": "viejo nuevo antiguo moderno",
    "charm": "bonito hermoso precioso sencillo elegante curioso especial",
    "matter": "pesado ligero fuerte roto limpio sucio útil resistente",
    "home": "cómodo redondo cuadrado antiguo moderno barato caro macizo plegable",
    "ripe": "maduro dulce jugoso fresco delicioso sabroso verde aromático",
    "crisp": "fresco tierno ecológico crujiente sano barato",
    "cooked": "delicioso caliente casero picante exquisito sabroso enorme perfecto",
    "taste": "fresco bueno fino barato excelente",
    "sip": "caliente frío templado dulce amargo",
    "wear": "grueso fino suave elegante ancho estrecho seco mojado abrigado",
    "reading": "largo corto interesante divertido aburrido emocionante famoso extraño útil breve",
    "sound": "antiguo nuevo caro excelente famoso desafinado",
    "play": "redondo brillante favorito perdido roto ligero",
    "small": "pequeño valioso perdido precioso brillante vacío",
    "ride": "rápido lento moderno ruidoso cómodo puntual lleno",
    "tame": "juguetón cariñoso perezoso listo obediente manso fiel travieso dormilón",
    "rural": "fuerte manso terco hambriento joven gordo tranquilo robusto",
    "wild": "salvaje tímido feroz astuto veloz joven peligroso inquieto",
    "fly": "joven salvaje elegante hambriento ruidoso",
    "leafy": "alto viejo joven frondoso enorme desnudo torcido",
    "bloom": "fragante delicado fresco silvestre hermoso",
    "trait": "amable paciente honesto educado valiente generoso divertido serio tímido prudente simpático trabajador "
    "alegre listo tranquilo modesto sabio famoso joven alto inteligente curioso atento sincero optimista puntual",
    "hair": "negro castaño gris blanco rizado largo corto liso rubio",
    "eye": "azul verde marrón gris negro",
    "beast": "tranquilo hambriento enfadado sorprendido nervioso cansado contento sediento",
    "young": "tímido curioso alegre listo educado simpático travieso valiente divertido pequeño amable",
    "mood": "feliz cansado triste tranquilo nervioso hambriento preocupado orgulloso enfadado sorprendido emocionado "
    "aburrido agradecido ocupado contento relajado animado satisfecho despierto",
    "site": "tranquilo animado moderno famoso cercano acogedor antiguo ruidoso popular concurrido",
    "wildness": "profundo ancho verde tranquilo oscuro estrecho hermoso lejano soleado silencioso remoto",
    "indoors": "luminoso oscuro ordenado desordenado acogedor cálido frío tranquilo amplio vacío",
    "fixed": "ancho estrecho alto bajo fuerte roto oxidado antiguo",
    "social": "maravilloso importante largo corto alegre inolvidable sencillo aburrido divertido",
    "thought": "bueno gracioso extraño maravilloso ingenioso triste viejo difícil fácil interesante absurdo",
    "sky": "soleado lluvioso nublado ventoso frío caluroso fresco seco húmedo gris despejado templado",
    "hurt": "hinchado dolorido rígido cansado",
    "other": "sediento mismo próximo siguiente último primero segundo tercero cuarto quinto otro mucho poco todo cierto "
    "propio lleno abierto cerrado temprano correcto falso libre mejor peor mayor menor querido enfermo solo junto "
    "dormido sentado listo posible seguro malo claro izquierdo derecho medio único entero dispuesto "
    "encantado encendido apagado limpio acabado principal cordial estimado imposible necesario tanto "
    "pasado público preparado invitado rico guapo loco bienvenido situado rodeado cubierto hecho pintado "
    "exacto natural recto céntrico colgado escondido rizado liso castaño moreno rubio puesto",
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

# adjectives that may also stand before the noun: "una pequeña caja"
BEFORE: str = "pequeño viejo nuevo hermoso precioso antiguo enorme bonito famoso delicioso"

# masculine -> feminine where the rules do not say
IRREGULAR_FEMININE: dict[str, str] = {
    "trabajador": "trabajadora", "juguetón": "juguetona", "dormilón": "dormilona", "acogedor": "acogedora", "marrón": "marrón",
    "mejor": "mejor", "peor": "peor", "mayor": "mayor", "menor": "menor",
}  # fmt: skip

# shortened before a masculine singular noun
SHORTENED: dict[str, str] = {
    "bueno": "buen", "malo": "mal", "grande": "gran", "primero": "primer", "tercero": "tercer",
}  # fmt: skip

NUMBERS: str = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve treinta cuarenta cincuenta sesenta setenta ochenta noventa"
)
HUNDREDS: str = "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
WEEKDAYS: str = "lunes martes miércoles jueves viernes sábado domingo"
MONTHS: str = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"

# determiners: masculine singular, feminine singular, masculine plural, feminine plural
DETERMINERS: str = """
    el la los las
    un una unos unas
    este esta estos estas
    ese esa esos esas
    aquel aquella aquellos aquellas
    nuestro nuestra nuestros nuestras
    mucho mucha muchos muchas
    poco poca pocos pocas
    otro otra otros otras
    todo toda todos todas
    algún alguna algunos algunas
    ningún ninguna ningunos ningunas
    tanto tanta tantos tantas
    cuánto cuánta cuántos cuántas
    varios varias
"""
# determiners that do not show gender: singular, plural
DETERMINERS_NUMBER: str = "mi mis tu tus su sus cada qué"
PRONOUNS: str = (
    "yo tú él ella usted nosotros nosotras ellos ellas ustedes me te se nos lo la los las le les mí ti conmigo contigo "
    "nada nadie algo alguien todo todos quien quién que qué cuál cual cuáles cuánto cuántos cuántas cuánta uno una otro otra mío mía "
    "tuyo tuya suyo suya esto eso aquello míos mías"
)
PREPOSITIONS: str = (
    "a al ante bajo con contra de del desde durante en entre hacia hasta para por según sin sobre tras excepto"
)
CONJUNCTIONS: str = "y e o u pero porque si cuando aunque mientras ni que como pues sino"
ADVERBS: str = (
    "muy bien mal más menos tan tanto mucho poco bastante demasiado siempre nunca ahora luego después antes hoy ayer mañana "
    "aquí allí ahí cerca lejos dentro fuera arriba abajo delante detrás encima debajo alrededor enfrente despacio "
    "deprisa pronto tarde temprano ya todavía aún también tampoco solo casi quizás además entonces juntos así cómo dónde "
    "cuándo adónde donde como sí no recto ayer anoche anteayer lentamente rápidamente cuidadosamente suavemente "
    "tranquilamente felizmente finalmente normalmente especialmente exactamente amablemente atentamente seguramente "
    "afortunadamente justo apenas medio incluso través pesar vez veces mejor peor primero igual cuanto "
    "enseguida adelante atentamente cordialmente"
)
MANNERS: str = (
    "lentamente rápidamente cuidadosamente suavemente tranquilamente felizmente amablemente atentamente alegremente "
    "pacientemente orgullosamente discretamente cortésmente hábilmente "
    "delicadamente seriamente tiernamente nerviosamente curiosamente silenciosamente generosamente elegantemente "
    "cariñosamente correctamente respetuosamente sensatamente diligentemente "
    "animadamente cómodamente fácilmente serenamente puntualmente prudentemente gustosamente"
)
INTERJECTIONS: str = "perdone supuesto acuerdo repente tal hola adiós oh ah gracias vale claro bueno buenos buenas perdón bienvenidos bienvenido ay eh mucho"
