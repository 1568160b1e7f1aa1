"""Names of people and of invented places, in both languages.

All towns and streets are made up. A name carries a gender because pronouns and Spanish adjectives follow it.
"""

FEMALE_EN: str = (
    "Anna Alice Emma Grace Helen Ivy Jane Kate Laura Mary Nancy Olive Penny Rose Sarah Tessa Violet Wendy Amy Beth "
    "Clara Daisy Edith Fiona Gemma Hannah Iris Julia Lily Molly Nora Ruby Sophie Susan Tina Ursula Vera Zoe Abigail "
    "Bridget Charlotte Dorothy Eleanor Frances Georgia Harriet Isabel Joan Kitty Lucy Martha Natalie Ottilie Phoebe "
    "Rachel Stella Matilda Winnie Audrey Celia Margaret Josephine Beatrice Florence Mabel Agnes"
)
MALE_EN: str = (
    "Tom Adam Ben Charlie Daniel Edward Frank George Harry Ian Jack Kevin Leo Mark Noah Oliver Peter Ralph Sam Theo "
    "Victor William Alan Brian Colin David Eric Fred Graham Henry Isaac James Keith Luke Martin Nick Owen Paul Robert "
    "Simon Tim Walter Arthur Bernard Cecil Dennis Ernest Felix Gilbert Hugh Jasper Kenneth Lewis Matthew Nathan Oscar "
    "Patrick Rupert Stanley Toby Alfred Albert Gregory Edmund Silas Barnaby"
)
FEMALE_ES: str = (
    "Ana Alicia Beatriz Carmen Carla Clara Daniela Diana Elena Elisa Emilia Esther Eva Gabriela Gloria Inés Irene "
    "Isabel Juana Julia Laura Lola Lucía Luisa Magdalena Manuela María Marina Marta Mercedes Mónica Natalia Noelia "
    "Nuria Olga Paloma Patricia Paula Pilar Raquel Rocío Rosa Sara Silvia Sofía Susana Teresa Valeria Verónica Victoria "
    "Virginia Yolanda Adela Amparo Aurora Belén Candela Consuelo Dolores Estela Jimena Leonor Micaela Rosario"
)
MALE_ES: str = (
    "Luis Andrés Antonio Alberto Alejandro Alfonso Benito Bruno Carlos César Cristóbal Daniel David Diego Eduardo "
    "Emilio Enrique Ernesto Esteban Felipe Fernando Francisco Gabriel Gonzalo Gustavo Héctor Hugo Ignacio Jaime Javier "
    "Joaquín Jorge José Juan Julio Leandro Lorenzo Manuel Marcos Mario Martín Mateo Miguel Nicolás Óscar Pablo Pedro "
    "Rafael Ramón Raúl Ricardo Roberto Rodrigo Rubén Salvador Samuel Santiago Sergio Simón Tomás Vicente Álvaro Adrián "
    "Agustín Gerardo"
)
SURNAMES_EN: str = (
    "Baker Carter Fletcher Harper Marlow Whitfield Ashby Brook Holloway Langley Pemberton Thornton Winslow Bradshaw "
    "Crawford Dalton Ellison Fairchild Goodwin Hartley Ingram Jennings Kendall Lockwood Merton Norwood Oakley Parker "
    "Quincy Radley Sheldon Talbot Underhill Vaughan Wheeler Yardley Atwood Barlow Chadwick Denham Everett Foster "
    "Greenwood Hadley Jarvis Kirby Lambert Middleton Newton Osborne Prescott Rowley Sutton Tilney Wainwright Appleby "
    "Birch Copeland Dunmore Farrow"
)
SURNAMES_ES: str = (
    "Aguilar Benítez Cabrera Delgado Espinosa Fuentes Gallego Herrera Ibáñez Jiménez Lozano Medina Navarro Ortega "
    "Pardo Quintana Ramos Salinas Toledo Valverde Zamora Arroyo Bravo Castillo Domínguez Escobar Figueroa Guerrero "
    "Hidalgo Iglesias León Molina Nieto Olmedo Peralta Robles Serrano Trujillo Vega Zapata Alarcón Bermejo Carrasco "
    "Durán Esquivel Ferrer Galindo Hurtado Lara Montero Núñez Ochoa Paredes Rivas Soler Tejada Urrutia Villanueva "
    "Calderón Santana"
)
TOWNS_EN: str = (
    "Willowford Stonebrook Maplewick Ashenvale Brightwater Cloverfield Dunmere Elderton Fernhollow Greyharbour Hazelby "
    "Larkstone Mistleham Northwick Oldmarsh Pinecross Quillford Ravenscombe Silverton Thistledown Underbridge "
    "Valemouth Westerby Yarrowfield Amberley Birchmere Copperhill Drakeford Eastmoor Foxbury Goldenby Honeywell "
    "Ivybridge Kestrelton Lindenport Meadowbank Otterby Primrose Rookhaven Saltmere"
)
TOWNS_ES: str = (
    "Fuenteclara Robledal Montealto Valdesol Aguablanca Piedralinda Campoverde Riosereno Torrevieja Olivares "
    "Villarrosa Puentealegre Almendral Castroluna Montefrío Lagoazul Peñadorada Navasol Encinares Florimar Casasol "
    "Vallehondo Rocabella Sotoverde Brisamar Cantalagua Trigales Molinar Zarzaleda Fresneda Pinarejo Miralmar "
    "Valdelirios Hontanar Granadales Costaluna Villaserena Arenales Manzanar Puertobello"
)
STREETS_EN: str = (
    "Maple Willow Cherry Lantern Harbour Station Orchard Market Mill Rose Garden Bridge Church Acorn Saddler Cobbler "
    "Chestnut Lavender Bluebell Meadow"
)
# after "calle", as a complete name
STREETS_ES: str = (
    "Mayor Alegría Primavera Esperanza Alameda Jazmín Laurel Cervantina Lavanda Arboleda Golondrina Amapola Azucena "
    "Cerezo Avellano Jardines Molinos Tejedores Alfareros Campanas"
)
