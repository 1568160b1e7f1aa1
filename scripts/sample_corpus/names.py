"""Names of people and of invented places, in both languages.

All towns and streets are made up. A name carries a gender because pronouns and Spanish adjectives follow it.
"""

from functools import cache

FEMALE_EN: str = (
    "Anna Alice Emma Grace Helen Ivy Jane Kate Laura Mary Nancy Olive Penny Rose Sarah Tessa Violet Wendy Amy Beth "
    "Clara Daisy Edith Fiona Gemma Hannah Iris Julia Lily Molly Nora Ruby Sophie Susan Tina Ursula Vera Zoe Abigail "
    "Bridget Charlotte Dorothy Eleanor Frances Georgia Harriet Isabel Joan Kitty Lucy Martha Natalie Ottilie Phoebe "
    "Adele Amelia Barbara Camilla Caroline Cora Cynthia Deborah Delia Dora Elaine Elsie Esme Ethel Eunice Freda "
    "Gwen Heather Hilda Imogen Ingrid Jessica Joyce Judith Katherine Leah Lorna Louise Lydia Mabel Marion Maud "
    "Mildred Miriam Muriel Myra Nell Norma Paula Pearl Polly Prudence Rhoda Rosemary Sally Selina Sheila Sybil "
    "Sylvia Thelma Theresa Trudy Una Vivian Wilma Yvonne Rachel Stella Matilda Winnie Audrey Celia Margaret "
    "Josephine Beatrice Florence Mabel Agnes"
)
MALE_EN: str = (
    "Tom Adam Ben Charlie Daniel Edward Frank George Harry Ian Jack Kevin Leo Mark Noah Oliver Peter Ralph Sam Theo "
    "Victor William Alan Brian Colin David Eric Fred Graham Henry Isaac James Keith Luke Martin Nick Owen Paul "
    "Robert Simon Tim Walter Arthur Bernard Cecil Dennis Ernest Felix Gilbert Hugh Jasper Kenneth Lewis Matthew "
    "Nathan Oscar Abel Alec Andrew Anthony Archie Aubrey Austin Barry Bertie Bruce Calvin Cedric Chester "
    "Christopher Clarence Clement Clifford Conrad Cyril Desmond Donald Douglas Duncan Edgar Elliot Elmer Eugene "
    "Francis Geoffrey Godfrey Gordon Guy Harold Harvey Herbert Horace Humphrey Hubert Irving Jerome Jonah Joseph "
    "Julian Laurence Leonard Leslie Lionel Malcolm Marcus Maurice Miles Morris Neil Neville Nigel Norman Percy "
    "Philip Quentin Ralph Raymond Reginald Roger Roland Ronald Roy Russell Sebastian Sidney Spencer Stuart Terence "
    "Thomas Timothy Vernon Vincent Wilfred Patrick Rupert Stanley Toby Alfred Albert Gregory Edmund Silas Barnaby"
)
FEMALE_ES: str = (
    "Ana Alicia Beatriz Carmen Carla Clara Daniela Diana Elena Elisa Emilia Esther Eva Gabriela Gloria Inés Irene "
    "Isabel Juana Julia Laura Lola Lucía Luisa Magdalena Manuela María Marina Marta Mercedes Mónica Natalia Noelia "
    "Nuria Olga Paloma Patricia Paula Pilar Raquel Rocío Rosa Sara Silvia Sofía Susana Teresa Valeria Verónica "
    "Victoria Adriana Ainhoa Alba Amalia Amelia Anabel Ángela Antonia Araceli Asunción Bárbara Begoña Benita Berta "
    "Blanca Brígida Camila Carolina Casilda Catalina Cecilia Celia Cristina Débora Delia Edurne Elvira Emma "
    "Encarnación Eugenia Fabiola Fátima Felisa Fernanda Flora Francisca Genoveva Graciela Guadalupe Herminia Ingrid "
    "Irma Jacinta Josefina Lidia Lorena Lourdes Macarena Maite Marcela Margarita Matilde Minerva Miriam Nerea "
    "Nieves Ofelia Petra Ramona Rebeca Regina Remedios Rita Sabina Salomé Soledad Tamara Trinidad Úrsula Vanesa "
    "Virginia Yolanda Adela Amparo Aurora Belén Candela Consuelo Dolores Estela Jimena Leonor Micaela Rosario"
)
MALE_ES: str = (
    "Luis Andrés Antonio Alberto Alejandro Alfonso Benito Bruno Carlos César Cristóbal Daniel David Diego Eduardo "
    "Emilio Enrique Ernesto Esteban Felipe Fernando Francisco Gabriel Gonzalo Gustavo Héctor Hugo Ignacio Jaime "
    "Javier Joaquín Jorge José Juan Julio Leandro Lorenzo Manuel Marcos Mario Martín Mateo Miguel Nicolás Óscar "
    "Pablo Pedro Rafael Ramón Raúl Ricardo Roberto Rodrigo Rubén Salvador Samuel Santiago Sergio Simón Tomás "
    "Vicente Álvaro Adrián Agustín Gerardo Abel Adolfo Alonso Amador Amadeo Anselmo Aníbal Ariel Armando Arturo "
    "Aurelio Baltasar Bartolomé Basilio Bernardo Borja Camilo Cayetano Cipriano Claudio Conrado Damián Darío "
    "Dionisio Domingo Edgar Edmundo Efraín Elías Eloy Eugenio Evaristo Fabián Facundo Faustino Federico Félix "
    "Fermín Fidel Florencio Gaspar Germán Gregorio Guillermo Horacio Humberto Íñigo Ismael Iván Jacinto Jacobo "
    "Jerónimo Jesús Josué Julián Justino Leonardo Leopoldo Lisandro Lucas Marcelo Marcial Mauricio Máximo Melchor "
    "Moisés Narciso Néstor Octavio Oriol Patricio Plácido Quintín Ramiro Raimundo Rodolfo Rogelio Román Saúl "
    "Sebastián Severino Silvestre Teodoro Tobías Ulises Valentín Víctor Xavier Zacarías"
)
# the first `KNOWN_SURNAMES` are those of the people in the scenes, the others stand in lists only
KNOWN_SURNAMES = 40
SURNAMES_EN: str = (
    "Baker Carter Fletcher Harper Marlow Whitfield Ashby Brook Holloway Langley Pemberton Thornton Winslow Bradshaw "
    "Crawford Dalton Ellison Fairchild Goodwin Hartley Ingram Jennings Kendall Lockwood Merton Norwood Oakley "
    "Parker Quincy Radley Sheldon Talbot Underhill Vaughan Wheeler Yardley Atwood Barlow Chadwick Denham Everett "
    "Foster Greenwood Hadley Jarvis Kirby Lambert Middleton Newton Osborne Prescott Rowley Sutton Tilney Wainwright "
    "Appleby Birch Copeland Dunmore Farrow"
)
SURNAMES_ES: str = (
    "Aguilar Benítez Cabrera Delgado Espinosa Fuentes Gallego Herrera Ibáñez Jiménez Lozano Medina Navarro Ortega "
    "Pardo Quintana Ramos Salinas Toledo Valverde Zamora Arroyo Bravo Castillo Domínguez Escobar Figueroa Guerrero "
    "Hidalgo Iglesias León Molina Nieto Olmedo Peralta Robles Serrano Trujillo Vega Zapata Alarcón Bermejo Carrasco "
    "Durán Esquivel Ferrer Galindo Hurtado Lara Montero Núñez Ochoa Paredes Rivas Soler Tejada Urrutia Villanueva "
    "Calderón Santana Abad Acosta Aldana Almagro Alonso Amador Aragón Aranda Arce Arias Armas Avilés Ayala Barrios "
    "Barroso Becerra Beltrán Blasco Bonilla Bustos Cáceres Cano Cárdenas Carrillo Casas Castro Cedillo Cervera "
    "Collado Contreras Cordero Correa Cortés Crespo Cuevas Díaz Escudero Espino Estévez Ferreira Franco Garrido "
    "Giménez Gracia Haro Heredia Huerta Izquierdo Jurado Lagos Leiva Linares Luque Macías Maldonado Manrique Marín "
    "Márquez Mejía Merino Miranda Montes Morales Moreno Muñoz Naranjo Ojeda Olivares Osorio Pacheco Padilla "
    "Palacios Pascual Peña Pineda Pizarro Ponce Prieto Puertas Quiroga Redondo Requena Reyes Ríos Rosales Rubio "
    "Rueda Saavedra Salas Sandoval Santos Segura Sierra Solís Soria Soto Tapia Téllez Toro Valencia Vargas Velasco "
    "Vidal Villalba Zúñiga"
)
# first halves and second halves of invented towns: every pair is a town
TOWNS_EN: tuple[str, str] = (
    "Willow Stone Maple Ashen Bright Clover Dun Elder Fern Grey Hazel Lark Mistle North Old Pine Quill Raven Silver "
    "Thistle Vale Wester Yarrow Amber Birch Copper Drake East Fox Golden Honey Ivy Kestrel Linden Meadow Otter Prim Rook "
    "Salt Winter",
    "ford brook wick vale field bury ton mouth by moor ham stead combe mere",
)
TOWNS_ES: tuple[str, str] = (
    "Fuente Roble Monte Val Agua Piedra Campo Rio Torre Oliva Villa Puente Almen Castro Lago Peña Nava Encina Flori Casa "
    "Roca Soto Brisa Canta Trigo Moli Zarza Fresno Pina Mira Hontana Grana Costa Sierra Arena Puerto Luz Gira Salva Rosal",
    "clara alta sol bella verde luna mar serena linda blanca fría rosa larga nueva",
)
SURNAME_HEADS_EN: str = "Ash Bram Crest Dover Elm Fair Glen Hart Kings Lang Mars Nor Pen Rad Stan Thorn Wake Whit"
SURNAME_TAILS_EN: str = "ley worth ridge wood well field bourne stone land gate croft shaw lock"
STREETS_EN: str = (
    "Anchor Barley Beacon Bramble Buttercup Candle Castle Clover Compass Cotton Crescent Dolphin Falcon Feather "
    "Fiddler Forge Foxglove Harvest Hawthorn Heather Hollyhock Jasmine Juniper Kingfisher Larch Lighthouse Linden "
    "Lilac Marigold Mariner Merchant Nightingale Oak Pebble Poplar Potter Quarry Rowan Sparrow Tanner Thimble Tulip "
    "Weaver Windmill Maple Willow Cherry Lantern Harbour Station Orchard Market Mill Rose Garden Bridge Church "
    "Acorn Saddler Cobbler Chestnut Lavender Bluebell Meadow"
)
# after "calle", as a complete name
STREETS_ES: str = (
    "Abedules Acacias Aduana Aguadores Alcázar Alondra Ancla Arcos Armonía Arroyos Aurora Bodegas Botica Brújula "
    "Cabildo Camelias Canteros Caracola Carretas Cigüeñas Claveles Cometa Concordia Cordeleros Cristal Danza "
    "Encinas Escribanos Espigas Farolas Faro Girasoles Herreros Hortensias Imprenta Lecheros Libertad Limoneros "
    "Madreselva Malvas Manantial Marineros Mercaderes Mimosas Molineros Naranjos Nogales Olmos Palmeras Panaderos "
    "Peregrinos Pescadores Plateros Regaderas Romero Sauces Serenata Tinteros Tomillo Trébol Vendimia Violetas "
    "Mayor Alegría Primavera Esperanza Alameda Jazmín Laurel Cervantina Lavanda Arboleda Golondrina Amapola Azucena "
    "Cerezo Avellano Jardines Molinos Tejedores Alfareros Campanas"
)


@cache
def towns(halves: tuple[str, str]) -> tuple[str, ...]:
    """Every town of a language."""
    return tuple(first + second for first in halves[0].split() for second in halves[1].split())


@cache
def known_towns(halves: tuple[str, str]) -> tuple[str, ...]:
    """The towns where people live, one for each first half; the others are only passed on the way.

    A name that is met three times cannot be learned; as in real text, a few places are spoken of again and again.
    """
    heads, tails = (half.split() for half in halves)
    return tuple(head + tails[5 * i % len(tails)] for i, head in enumerate(heads))


@cache
def surnames_en() -> tuple[str, ...]:
    """Every English surname: listed ones and compounds."""
    compounds = [head + tail for head in SURNAME_HEADS_EN.split() for tail in SURNAME_TAILS_EN.split()]
    return (*SURNAMES_EN.split(), *compounds)
