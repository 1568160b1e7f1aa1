"""The prompts of the certified request: fixed, owned here, never taken from a bundle that would look good on them.

Requests rotate through the list. Each prompt is encoded by the bundle's tokenizer and cut to the budget's
`prompt_tokens`, so it is long enough for more than any shipped budget asks. English and Spanish, dialogue, numbers and
plain prose, because tokenizers cut them differently.
"""

PROMPTS: tuple[str, ...] = (
    "Once upon a time a young fisherman lived in a small house by the sea, and every morning before the sun rose"
    " he pushed his boat into the cold water and rowed out past the rocks. One day he found a letter in his net,"
    " folded twice and still dry, with his own name on it in a hand he had never seen, and when he opened it he"
    " read that his brother was waiting for him on the other side of the bay, in the house with the green door.",
    "Había una vez una niña que vivía con su abuela al pie de una montaña muy alta. Todas las tardes subía por el"
    " camino de piedra para llevar pan y queso al pastor, y cuando volvía contaba las primeras estrellas que"
    " aparecían sobre el valle. Una noche de invierno no pudo contar ninguna, porque la nieve caía tan despacio y"
    " tan espesa que el cielo entero parecía haberse sentado sobre los tejados del pueblo.",
    "“Are you quite sure,” said the old woman, “that you locked the door?” He looked at the key in his hand, then"
    " at the long dark road behind them, and said nothing for a while. “I am sure that I meant to,” he answered at"
    " last. She laughed so loudly that the horse stopped. “Then we shall go back,” she said, “and you shall carry"
    " the lantern, the basket, and the blame.”",
    "—¿Quién ha dejado abierta la ventana? —preguntó el maestro. Nadie respondió. El viento había tirado los"
    " papeles al suelo y un gorrión saltaba de mesa en mesa como si buscara su sitio. —Pues bien —dijo él,"
    " sentándose—, ya que tenemos un alumno nuevo, empezaremos la lección por el principio. Abran el libro en la"
    " página veintiuno y lean en voz alta, despacio y sin miedo.",
    "In the spring of 1847 the river rose eleven feet in two days and carried away the mill, three barns and the"
    " only bridge within thirty miles. The people of the town met in the church, counted their sheep and their"
    " money, and decided by forty-one votes to nine that they would build again, in stone this time, a little"
    " higher up, where the banks are narrow and the water, even in a bad year, keeps to its bed.",
    "El mercado abría a las seis. A esa hora ya olía a naranjas, a pescado y a café, y las mujeres colocaban los"
    " cestos en filas de doce mientras discutían el precio de los huevos. Mi padre compraba siempre lo mismo: dos"
    " kilos de patatas, media docena de tomates y un ramo de perejil que nadie le cobraba. Después nos sentábamos"
    " en la escalera de la iglesia a mirar cómo llegaban los demás.",
    "The cat sat on the wall and watched the rain. It was not her wall and it was not her garden, but nobody had"
    " told her so, and she would not have believed them. Below her a dog ran round and round the apple tree,"
    " barking at the thunder. When the storm had passed, the two of them drank from the same puddle and pretended,"
    " as they did every week, that neither had seen the other.",
    "La máquina que había construido no servía para nada, y por eso la quería tanto. Tenía cuatro ruedas, un"
    " reloj sin agujas y una campana que sonaba sola los martes. Los vecinos venían a verla los domingos; algunos"
    " traían tornillos, otros consejos. Él aceptaba los tornillos, daba las gracias por los consejos y volvía a"
    " cerrar la puerta del taller con el mismo cuidado con que se cierra un cuento.",
)
