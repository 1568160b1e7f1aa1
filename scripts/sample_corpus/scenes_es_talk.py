"""Spanish scenes in which people talk or write to each other: greetings, shops, questions, letters."""

SCENES = """
greeting S=I Y=you A=name B=name F=kin G=kin
Hola, ¿cómo estás? // Estoy [bien|muy bien], gracias, y hoy quiero {inf leisure}. ¿Cómo estás tú? || Hola, ¿cómo estás? // Estoy [muy bien|bien|bastante bien|muy {adj mood A}], gracias. [Ayer|Esta mañana] {pret home}. ¿Y tú? || Hola, {A}, ¿cómo estás? // ¡Hola, {B}! Estoy [bien|muy bien], y mi {F} también está bien. ¿Y tú? || ¡Hola, {A}! ¿Cómo estás [hoy|esta mañana|esta tarde]? // ¡Muy bien, gracias! [Ayer|El {weekday}] {pret leisure}. ¿Y tú? || Hola, {A}. ¿Qué tal? // Estoy bien, {B}, y mi {F} está {adj mood F} hoy. ¿Y tú? || ¡Buenos días, {A}! ¿Cómo estás? // ¡Buenos días, {B}! Hoy estoy {adj mood A}. ¿Y tú? || ¡Buenas tardes, {A}! ¿Qué tal estás? // ¡Buenas tardes! Estoy un poco {adj mood A}. ¿Y tú, {B}? || Hola, {A}, ¿cómo está tu {F}? // Está [muy bien|mucho mejor], gracias, {B}. El {weekday} {pret leisure F}. ¿Y tú cómo estás? || ¡Hola, {A}! ¡Qué alegría verte en {el place}! // ¡Hola, {B}! ¿Cómo estás? || Hola, ¿cómo estás hoy? // Estoy [bien|muy bien], gracias. He dormido {number 6 10 f} horas. ¿Y tú?
/ Yo también estoy bien, y hoy voy a {inf leisure}. // ¡Qué [bien|alegría|buena idea]! [¿Puedo ir contigo?|¿Cuándo empiezas?|A mi {G} también le gusta {inf leisure G}.] || Estoy bien, gracias, y mi {G} y yo {pret travel W} [la semana pasada|el {weekday}|ayer]. // ¡Qué [bien|suerte]! A mí también me gustaría {inf travel}. || Estoy un poco {adj mood B} y hoy tengo que {inf home}. // Te entiendo, porque yo {pret home} el {weekday}. [¿Necesitas ayuda?|¿Puedo ayudarte?] || ¡Estoy muy {adj mood B}! Ayer {pret leisure}. // ¿De verdad, {A}? Mi {G} también {pres leisure G}.
? / ¿Nos vemos en {el place} a {time}? // [¡Sí, con mucho gusto!|¡Claro que sí!|Es una buena idea.] Voy a llevar {un dish} o {unos fruit}. || ¿Vamos juntos a {el place} el {weekday}? // [Muy bien|Vale|Sí, claro]. Te espero en la {street} a las {clock}. || ¿Qué vas a hacer el {weekday}? // Voy a {inf people}, y después quiero {inf leisure}.
/ ¡Adiós, {A}! Nos vemos [el {weekday}|mañana|pronto]. // ¡Adiós, {B}! Saludos a tu {G}. || Hasta [el {weekday}|mañana|pronto|luego], {A}. || ¡Que tengas [un buen día|una buena tarde|un buen fin de semana], {A}! // Gracias, {B}. ¡Hasta [luego|pronto|el {weekday}]! || Ahora tengo que irme. ¡Hasta [luego|pronto|el {weekday}], {A}!

meeting S=I Y=you A=name B=name F=kin
¡Hola! Me llamo {A}. ¿Cómo te llamas? // ¡Hola, {A}! Me llamo {B} y vengo de {elsewhere}. || Hola, soy {A} {surname}. ¿Vives en {town}? // Sí, me llamo {B} y vivo en la {street}. || ¡Buenos días! Soy {A}, {trade A} de {town}. // Mucho gusto, {A}. Yo soy {B} {surname B}. Trabajo en {un place}. || ¡Bienvenid{o B}! Me llamo {A} y soy {trade A}. // ¡Hola, {A}! Me llamo {B}, tengo {number 22 60} años y vivo en {town}. || Hola, soy {A}, de {town}. ¿Quién eres tú? // Soy {B}, y vivo en la {street}, número {digits 2 98}.
/ Encantad{o A}, {B}. ¿Qué haces en tu tiempo libre en {season}? // Me gusta {inf leisure} y {inf garden}. || Mucho gusto, {B}. ¿Te gusta {inf leisure} o tienes otra afición? // Sí, el {weekday} casi siempre {pres leisure}. ¿Y tú? || ¿Qué te gusta hacer el fin de semana, {B}? // Me encanta {inf kitchen}, y también {pres leisure}. || ¿Qué haces en {season=d}, {B}? // En {d} {pres garden}, y después {pres leisure}.
/ Yo también, y el {weekday} {pret leisure}. || Yo prefiero {inf travel}. Mi {F} también. || Yo nunca {pres garden}, pero sé {inf kitchen}. || Mi {F} y yo también {pres leisure W} [juntos|el {weekday}].
? / ¿Quieres {inf leisure} con nosotros el {weekday}? || ¡Ven a nuestra casa el {weekday}! Mi {F} va a {inf kitchen F}.
/ ¡Sí, con mucho gusto! ¿A qué hora puedo ir [el {weekday}|a la {street}]? // Ven a {time}. Vivimos en la {street}, número {digits 2 98}. || Muchas gracias, {A}. ¿Puedo llevar {un dish}? // Puedes traer {unos fruit} o {bare drink}. || ¡Qué buena idea, {A}! ¿Dónde nos vemos el {weekday}? // A las {clock}, enfrente de {el place}.

shop S=I Y=you A=name F=kin
Buenos días, ¿en qué puedo ayudarle? // Buenos días. Quiero {un dishware=x} para mi {F}. || ¡Hola, {A}! ¿Qué deseas? // Hola. Busco {un clothes=x}. || Buenas tardes. ¿Busca {un small_thing}? // No, gracias, pero necesito {un tool=x} y {unos school}. || Hola, ¿venden aquí {plural school=x}? // Sí, claro. También tenemos {plural text} y {plural toy}. || Buenas tardes. ¿Tienen {un toy=x} para {un child}? // Sí, por supuesto. {el x} está allí, al lado de {el furniture}.
/ Me gusta {el thing} de color {adj colour M}. ¿Cuánto cuesta? // Cuesta {price}. || ¿Cuánto {v costar pres x} {el x}? // {v costar pres x} {price}. || ¿Tienen algo más barato? // Sí, hoy tenemos una oferta: {un thing} por {price}. || ¿Puedo ver también {un clothes=c}? // Por supuesto. {el c} cuesta {price}.
/ Es [un buen precio|muy barato|un precio justo]. Me {lo x} llevo. || Muy bien, ¿y puedo pagar con tarjeta [en {el place}|{el thing}|{el clothes}]? || Aquí tiene {number 50 90} euros. || Es demasiado caro para mí. Solo tengo {price}.
/ Muchas gracias, y [adiós|hasta luego|hasta pronto|hasta el {weekday}]. || Aquí tiene su vuelta, {price}. ¡Hasta pronto! || Gracias, ¿y necesita {un thing_container}? // No, gracias, porque tengo {un thing_container}.

restaurant S=I Y=you A=name B=name F=kin
¡Buenas noches! Una mesa para {number 2 9}, por favor. // Muy bien. Su mesa está en {el room}. || Hola, tengo una mesa para {number 2 8} personas a {time}. // ¡Bienvenidos! Su mesa está al lado de {el part_open}. || Buenas noches, me llamo {A} {surname}. Tenemos una mesa a las {clock}. // Por supuesto. ¿Prefieren estar en {el room} o en {el room}? || ¡Hola, {A}! ¿Tienes hambre? // Sí, {B}, tengo mucha hambre. Hoy solo he comido {unos fruit}.
/ ¿Qué nos recomienda hoy? // Hoy tenemos {un dish} con {bare vegetable}. || ¿Cuál es el plato del día? // {un dish} con {bare season_word}. || ¿Tienen {un dish} sin {bare staple}? // Sí, nuestra cocinera ha preparado {un dish} sin {bare staple}. || ¿Qué hay de postre? // Tenemos {un dish} y {unos fruit}.
/ Muy bien. Para mí {un dish} y {bare drink}. || Me gustaría probar {un dish} y un vaso de {bare drink}, por favor. || Para mí {un dish}, y para {B} {un dish}.
? / {el dish=d} {v estar imp d} [muy buen{o d}|exquisit{o d}|un poco frí{o d}]. || Hemos comido {unos vegetable} y {un dish}, y todo estaba [muy bueno|perfecto|delicioso].
/ La cuenta, por favor. ¿Cuánto es? // Son {price} en total. || Gracias, {A}. ¿Cuánto es todo? // Son {digits 5 20} euros por {el dish} y {digits 2 9} por {el drink -}.

phone S=I Y=you A=name B=name F=kin
Hola, soy {A} {surname}. ¿Quién es? // ¡Hola, {A}! Soy {B}. || ¡Hola, {B}! Soy {A}. ¿Estás en casa? // ¡Hola, {A}! Sí, estoy {ger home}. || Buenas tardes, {B}. ¿Puedes hablar ahora? // ¡Hola, {A}! Sí, estaba {ger kitchen}. || ¡Hola, {B}! ¿Qué estás haciendo? // ¡Hola, {A}! Mi {F} y yo estamos {ger leisure W}. || Hola, {B}, ¿dónde estás? // ¡Hola, {A}! Estoy en {el place} con mi {F}.
/ ¿Estás libre el {weekday}? Quiero {inf travel}. // Lo siento, pero el {weekday} tengo que {inf office}. || ¿Te gustaría {inf leisure} [mañana|el {weekday}|este fin de semana]? // ¡Con mucho gusto! Me encanta {inf leisure}. || ¿Puedes ayudarme el {weekday}? Tengo que {inf home}. // Claro que sí, pero primero tengo que {inf kitchen}. || Tengo una buena noticia: ¡mi {F} {pret study F}! // ¡Qué alegría! Tenemos que celebrarlo con {un dish}.
/ Entonces ven el {weekday} a {time}. // De acuerdo. Voy a llevar {un thing} y {unos fruit}. || ¿Nos vemos en {el place} a las {clock}? // Es una buena idea. Llegaré a {time}. || ¿Voy a tu casa el {weekday}? // Sí, por favor, ven a {time} y podemos {inf leisure W} juntos.
? / No olvides {tu small_thing=y}. // Tranquil{o B}, {lo y} tengo en {un thing_container}. || Mi {F} va a {inf kitchen F}. // ¡Qué bien! Tu {F} cocina mejor que nadie en {town}.
/ ¡Adiós, {A}! Hasta el {weekday}. || ¡Gracias, {B}! Nos vemos en {el place}. || ¡Hasta luego! Saludos a tu {F}.

questions S=I Y=you A=name B=name F=kin
Hola, {A}. ¿Puedo hacerte {number 2 9 f} preguntas? // Claro que sí, {B}. || {A}, ¿tienes {number 5 20} minutos? // Sí, {B}. ¿Qué quieres saber?
/ ¿Cuál es tu estación favorita? // Me gusta {season}, porque puedo {inf garden}. || ¿Dónde vives? // Vivo en {town}, cerca de {el nature}. || ¿Te gustan {los pet}? // Sí, me gustan mucho, pero mi {F} prefiere {los bird}. || ¿Qué hiciste el {weekday=d}? // El {d} {pret home} y {pret leisure}. || ¿A qué hora te levantas? // Me levanto a {time} y luego {pres kitchen}.
/ ¿Qué haces normalmente el {weekday=d}? // El {d} normalmente {pres study}. Por la tarde {pres leisure}. || ¿Tienes {un pet=p}? // Sí. Tiene {digits 2 12} años y es muy {suits pet p}. || ¿Sabes {inf workshop}? // No, no sé, pero sé {inf kitchen}. || ¿Qué hiciste en {recent=e}? // En {e} {pret travel}. || ¿Por qué te gusta {inf leisure}? // Porque así estoy [muy |]content{o A}, {B}.
/ ¿Tienes {plural thing -=t}? // Sí, {lo t} colecciono desde {recent}. || ¿Quién te enseñó a {inf study}? // Me enseñó mi {F} cuando yo tenía {number 5 15} años. || ¿Qué animal es más grande, {un wild_animal=w} o {un insect}? // ¡{el w}, por supuesto! || ¿Qué llevas en {el luggage -}? // Llevo {un small_thing}, {un text} y {unos fruit}.
? / ¿Qué te gustaría hacer el próximo año? // Me gustaría {inf travel} y {inf leisure}. || ¿Qué harás en {month}? // {fut travel} con mi {F}.
/ Gracias por tus respuestas, {A}. // De nada. Ahora tengo que {inf home}. || Gracias, {A}. Ahora ya sé que te gusta {inf leisure}. || ¿Algo más, {B}? // No, gracias. ¡[Adiós|Hasta el {weekday}], {A}!

letter S=I Y=you A=name B=name F=kin G=kin
Querid{o A} {A}: || Querid{o F} {F}: || ¡Hola, {A}! || Mi querid{o A} {A}:
/ ¿Cómo estás? Te escribo desde {town}. || Muchas gracias por tu carta y por {el small_thing}. || Espero que estés bien. Aquí en {town} el tiempo está {sky} y {sky}. || Llegamos a {town} el {weekday}, {date}.
Estamos en {un place} cerca de {el nature}. || Nuestra casa está en la {street}, número {digits 2 98}, enfrente de {el place}. || El tiempo está {sky}, y los vecinos son muy amables. || El viaje en {bare vehicle_public} duró {number 2 12 f} horas, y yo estaba {adj mood B}.
El {weekday} {pret travel W}. || Ayer mi {F} y yo {pret leisure W}. || Esta mañana {pret market}, y mi {F} {pret kitchen F}. || El {weekday} {pret people}.
? Por la noche normalmente {pres leisure W}. || Mi {G} estaba {adj mood G} y {pret leisure G}. || {el room=r} {v ser pres r} {suits room r}, pero {el furniture=f} {v ser pres f} {suits furniture f}.
Mañana vamos a {inf travel W}. || El {weekday} {fut sea}. || La próxima semana queremos {inf leisure W} con {un person}. || He comprado {un souvenir} para ti; ha costado {price}.
Escríbeme pronto, por favor. || Volvemos a casa el {date}. || Te echo mucho de menos. También echo de menos {a pet}. || ¿Puedes {inf garden Y} antes del {weekday}?
/ Con cariño, {B} || Un abrazo desde {town}, {B} || Un fuerte abrazo de tu {kin B}, {B} || Saludos, {B} {surname B}

sale S=I A=name
Se vende {un furniture=x} de color {adj colour M}. || Se vende {un vehicle=x} de {year}. || ¿Necesita {un tool=x}? {lo x} vendemos por {cost}. || Vendo {un furniture=x} y {num dishware}.
{lo x} compramos en {year} en {elsewhere}. || Está casi nuev{o x}. || {el x} {v estar pres x} en muy buen estado. || Puede ver {el x} en la {street}, número {digits 2 98}.
El precio es de {cost}. || Cuesta {cost}. || {lo x} vendemos por {cost} o {lo x} cambiamos por {un thing}.
Llame a {A} {surname} entre las {opening} y las {closing}. || Venga a la {street}, número {digits 2 98}, el {weekday}. || Escriba a {A} {surname}, {street}, número {digits 2 98}, {town}. || Nos puede encontrar en {el place} cada {weekday}.
? También vendemos {num clothes} y {num thing}. || Pregunte por {A} en {el place}.

missing S=I A=name
¿Ha visto {a pet=x}? || Hemos perdido {a pet=x} en {town}. || {A} {surname} perdió {un small_thing=x} el {weekday}. || Busco {un small_thing=x} y {num school}.
{lo x} perdimos en la {street} el {weekday} a {time}. || {lo x} vimos por última vez cerca de {el place} a las {clock}. || {A} estaba {ger leisure A} cuando ocurrió. || El {date} {el x} {v estar imp x} al lado de {el part}.
Es {adj colour x} y muy especial para nosotros. || Estamos tristes sin {el x}. || Lea este aviso si vive cerca de la {street}, por favor. || {A} ha buscado en {el room} y en {el place}.
La recompensa es de {digits 50 999} euros. || Ofrecemos {un dish} y {price}. || Por favor, venga a la {street}, número {digits 2 98}.
Llame a {A} {surname} entre las {opening} y las {closing}. || Pregunte por {A} en {el place} el {weekday}. || Muchas gracias por su ayuda.

doctor S=I Y=you A=name F=kin
Buenos días, {A}. ¿Qué te pasa? // Buenos días. Me duele {el hurt_body -}, y tengo [tos|fiebre|dolor de cabeza]. || Hola, {A}. ¿Cómo te sientes hoy? // No muy bien. Tengo [tos|fiebre|un resfriado] desde el {weekday}. || Pasa, {A}. ¿Dónde te duele? // Me duele {el hurt_body -}. El {weekday} me caí cuando estaba {ger leisure}. || Buenas tardes, hoy no me encuentro bien. // ¿Qué te pasa, {A}? ¿Te duele {el hurt_body -}?
/ ¿Desde cuándo estás enferm{o A}? // Desde el {weekday}, más o menos desde {time}. || ¿Qué hiciste ayer? // Ayer {pret garden} durante {number 2 9 f} horas. || ¿Qué comiste el {weekday}? // Comí {un dish} y {unos fruit}. || ¿Dormiste bien esta noche? // No, solo dormí {number 2 6 f} horas. Luego {pret home}.
/ Toma este jarabe {number 2 4 f} veces al día y bebe {bare drink}. || Tienes que descansar {number 2 9} días y beber {bare drink}. || No debes {inf leisure} antes del {weekday}. || Come {unos fruit} y quédate en la cama hasta el {weekday}.
/ Gracias, ¿y puedo {inf leisure} el {weekday}? // Sí, pero con cuidado. ¡Adiós, {A}! || ¿Cuándo puedo {inf office}? // No antes del {weekday}, {A}. || ¿Tengo que volver? // Sí, vuelve el {weekday} a {time}.
"""
