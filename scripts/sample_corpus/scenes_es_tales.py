"""Spanish scenes that tell, describe or instruct: days, people, places, animals, work, recipes, numbers."""

SCENES = """
day S=any F=kin
El {weekday}, {S} {se} {v levantar pret} a {time}. || {S} {se} {v despertar pret} temprano el {weekday}, porque hacía [frío|calor|viento|sol]. || Aquel {weekday}, {S} {se} {v levantar pret} a {time}. || Ese {weekday}, {S} {v tener pret} un día muy [largo|tranquilo|extraño|divertido]. || Eran las {clock} cuando {S} {v abrir pret} {el part_open}.
Primero {pret kitchen}. || {v beber pret} {bare drink} y {v comer pret} {un dish}. || Para desayunar {v tomar pret} {unos fruit} y una taza de {bare drink}. || {se} {v poner pret} {un clothes} y {pret kitchen}.
Por la mañana {pret home}. || A las {clock} {pret home} y {pret home}. || Después {v ir pret} a {el place}, donde {pret study}. || Después del desayuno {pret home}, y más tarde {pret home}.
? No {pret market}, porque {v estar imp} demasiado {adj mood}. || {v querer imp} {inf market}, pero {el place=q} {v estar imp q} cerrad{o q}. || Mientras llovía, {pret study}.
A mediodía {pret kitchen} con {su family}. || Por la tarde {su F} {pret garden F}. || A {time} {pret people}. || Luego llegó {un person} y {pret leisure H}.
Por la noche {pret leisure}. || Después de cenar {pret leisure}, y {su F} {pret study F}. || Antes de dormir {pret study} y {pret home}.
{v estar imp} {adj mood} cuando {se} {v acostar pret} a {time}. || A las {clock} todos dormían. || Mañana {fut leisure}. || Fue {un event=x}, y nunca {lo x} {v olvidar fut}. || Esa noche {v dormir pret} bien y {v soñar pret} con {un wild_animal}.

market S=name F=kin
{S} necesitaba {unos fruit} y {unos vegetable}. || El {weekday}, {S} fue al mercado de {town}. || {S} y su {F} fueron al mercado a {time}. || El mercado de {town} abre a {time}, y {S} siempre llega temprano.
Llevaba {un thing_container} y {un small_thing}. || En los puestos había {plural fruit} y {plural vegetable}. || {un person} vendía {plural fruit} y {plural dishware}. || El día estaba {sky}, pero el mercado estaba lleno de gente.
Primero {pret market}. || {pret market} y {pret market}. || Compró {number 2 6} kilos de {plural fruit} por {cents}. || Preguntó el precio de {un thing=x}, pero {v ser imp x} demasiado car{o x}.
? Su {F} también {pret market F}. || También {pret market} para {su family}. || Luego {pret people}. || {un child} {pret market H}, y {S} se rio.
Pagó {price} y puso todo en {un thing_container}. || En total gastó {price}. || {el fruit -=m} {v costar pret m} {cents}, y {el clothes -=n} {v costar pret n} {price}. || Tenía {number 22 50} euros, y al final solo tenía {digits 2 9}.
En casa {pret kitchen}. || Después volvió a casa en {bare vehicle_public} y {pret kitchen}. || Por la noche {pret kitchen}, y su {F} {pret kitchen F}. || Estaba {adj mood}, porque ahora podía {inf kitchen}.

portrait S=name F=name
{S} tiene {number 6 80} años y vive en {town}. || {S} {surname} es {trade S} y trabaja en {town}. || ¿Quién es {S}? Trabaja en {un place} cerca de {el nature}. || {S} es {trade S} y tiene {number 22 70} años. || ¿Conoces a {S} {surname}? Vive en la {street}, número {digits 2 98}.
Es {adj trait} y {adj trait}. || Tiene el pelo {adj hair M} y los ojos {adj eye E}. || Casi siempre lleva {un clothes} y {un clothes}. || Nació en {elsewhere} el {date}. || Su cumpleaños es el {date}.
{F} es {trade F}, y {su family} trabaja en {un place}. || Tiene {num sibling -} y {un pet}. || Vive con {su family} en {un home_word}. || {F}, que vive en la misma calle, es {trade F}.
El {weekday} siempre {pres leisure}. || En {season} {pres garden}. || Le gustan {los animal_word} y {los fruit -}. || Sabe {inf workshop}, pero no sabe {inf kitchen}. || Nunca {pres market}, porque prefiere {inf garden}.
? El {weekday} {pret people}. || Ayer {pret leisure}, y {F} {pret study F}. || Cuando tenía {number 5 12} años, {pret farm}.
En {recent} {pret travel}. || Algún día quiere {inf travel}. || En {month} {fut leisure} con {F}. || Hoy está muy {adj mood}, porque {pret study}.
{F} piensa que {S} es muy {adj trait}. || Sus vecinos {lo S} quieren, porque es {adj trait}. || Todos en {town} conocen a {S}.

place S=I A=name
Hay {un place=x} en {town}. || {town} es un pueblo pequeño cerca de {el nature}. || En {town} hay {num place} y {num place}. || Mi lugar favorito es {el place=x} de {town}. || {A} vive en {un home_word} en la {street}, número {digits 2 98}.
{lo x} construyeron en {year}, cerca de {un nature}. || Detrás hay {un nature}. || Delante hay {un tree} y {un fixed_word}. || Cerca de la {street} hay {un nature}, donde se puede {inf leisure}.
Las calles son {suits place C} y {suits place C}. || En {season}, muchas familias vienen aquí para {inf leisure P}. || Desde {el high_word -} se puede ver {el nature} y {el place}. || {el room=r} {v ser pres r} {suits room r}, y en la pared hay {un thing}.
El {weekday} se puede {inf market A} de las {opening} a las {closing}. || Abre a {time} y cierra a {time}. || Cada {weekday}, {un person} {pres study A} allí. || Aquí viven unas {digits 200 999} personas.
? En {year}, {un person} encontró {un small_thing} allí. || Al lado de {el furniture} hay {un thing} y {num dishware}. || En el jardín hay {num flower} y {un tree}.
A {A} le gusta mucho vivir cerca de {el nature}. || {un child} me dijo que es el mejor lugar del mundo. || En {month}, {A} {fut travel A} otra vez. || Siempre voy allí cuando quiero {inf leisure}.

animal S=name F=kin
{S} tiene {un house_pet=p}. || {S} encontró {un house_pet=p} en {el nature} el {weekday}. || Había una vez {un house_pet=p} en un pueblo cerca de {town}. || {S} y su {F} tienen {un house_pet=p} y {num bird}.
{el p} {v tener pres p} {digits 2 12} años y {v ser pres p} muy {adj tame p}. || {el p} {v tener pres p} las orejas [blancas|negras|grises|marrones] y la cola larga. || {el p} {v ser pres p} {adj tame p} y {adj tame p}. || {el p} {v pesar pres p} {number 2 9} kilos y {v comer pres p} {unos vegetable}.
Cada mañana, {S} [cepilla|acaricia|baña|cuida] a {el p} con {su family}. || Por la mañana {el p} {v comer pres p} {unos vegetable} y {v beber pres p} agua. || {el p} {v dormir pres p} [cerca de|detrás de|al lado de] {el furniture} en {el room}. || Cuando llueve, {el p} {v dormir pres p} al lado de {el furniture}.
Un día {el p} no {v estar imp p} en casa. {S} estaba muy {adj mood}. || El {weekday}, {el p} {v esconder pret p} {un small_thing} detrás de {el hiding_place}. || El {weekday}, {el p} {v ver pret p} {un insect} y {v saltar pret p} sobre {el furniture}. || Ayer {un wild_animal} entró en el jardín, y {el p} {v estar imp p} {adj beast p}.
{S} {lo p} buscó en {el place} y en {el room}. || Su {F} {lo p} encontró detrás de {el hiding_place} y se rio. || {un person} {lo p} encontró cerca de {el nature}. || {S} llamó, pero {el p} {v estar imp p} en {el nature}.
Al final, {el p} {v volver pret p} a casa con {un clothes}. || Ahora {S} siempre [cepilla|acaricia|baña|cuida] a {el p} antes de {time}. || Desde entonces, {el p} y {S} son buenos amigos. || {S} le dio {unos fruit}, y {el p} {v estar imp p} {adj beast p}.

work S=role A=name
{S} de {town} empieza a trabajar a {time}. || {A} trabaja con {S} en {el place}. || {S} es muy {adj trait}, y en {town} todos {lo S} quieren. || El {weekday}, {S} tenía mucho trabajo.
Por la mañana {pres workshop}. || Primero {pres office}, y después {pres office}. || Normalmente {pres office} antes de {time}. || Lleva {un clothes} y usa {un tool}.
El {weekday} {pret workshop}. || El {date} {pret people} y {pret office}. || Ayer {A} {pret office A}, mientras {S} {imp workshop}. || En {recent} {pret study} por primera vez.
{A} pidió ayuda, porque no podía {inf workshop A}. || {un person} entró y quería {inf office A}. || A las {clock}, {un person} trajo {un thing}.
Está {adj mood} cuando puede {inf people}. || Trabaja {number 4 9 f} horas al día y gana {digits 80 200} euros. || Nunca {pres home} antes de {time}. || {A} piensa que {S} es {adj trait}.
? A {time} cierra {el part_open} y vuelve a casa. || Después del trabajo {pres leisure} con {su family}. || Por la noche está {adj mood}, pero también {pres leisure}.

recipe S=you A=name
Hoy vamos a preparar {un dish=x}. || Así prepara {A} {un dish=x}. || Una receta para {number 3 9} personas: {un dish=x}. || ¿Quieres preparar {un dish=x} para {su family}?
Necesitas {digits 100 900} gramos de {bare baking_word}, {number 2 9} huevos y {unos fruit}. || Necesitas {bare staple}, {unos vegetable} y {un vessel} de {bare drink}. || Toma {num vegetable}, {num fruit} y {bare season_word}.
Primero, lava y corta {los vegetable}. || Primero hay que {inf recipe}. || Pon {el baking_word -} y {el staple -} en {un bowl_word}. || Mezcla {el baking_word -} con {number 2 9 f} cucharadas de {bare staple}.
Después hay que {inf recipe}. || Añade {bare season_word} y {bare drink}. || Mezcla todo despacio con {un stir_word} durante {number 2 20} minutos. || Corta {unos fruit} y añade {bare staple}.
Cocina todo durante {number 10 55} minutos. || Mete todo en el horno durante {number 15 90} minutos a {digits 150 240} grados. || Déjalo reposar en {el room} durante {number 10 90} minutos. || Tapa todo y espera hasta {time}.
? Mientras tanto, puedes {inf recipe}. || Mientras tanto, puedes {inf home}. || Después limpia {el furniture} y lava {los dishware}.
Sirve {el x} con {unos fruit} y {bare drink}. || {el x} {v estar pres x} mejor con {bare drink} y {bare staple}. || En {season}, {A} sirve {el x} con {unos fruit}. || ¡Buen provecho! Seguro que {su family} querrá más.

directions S=you A=name
Perdone, ¿dónde está {el place}? || Perdón, ¿cómo se va a la {street}? || ¡Hola! Busco {el place} de {town}. || {A} quiere ir a {el place}, pero no conoce el camino.
/ Siga todo recto por la {street} y gire a la [izquierda|derecha] en {el place}. || Tome el autobús {adj colour M} hasta la {street} y baje en {el place}. || Cruce el puente y pase por {el place} y {el place}. || Está a {number 5 29} minutos de aquí. Primero vaya a la {street}.
Luego tome la [primera|segunda|tercera] calle a la [izquierda|derecha]. || Después camine {digits 100 900} metros por la {street}. || Después de {el place}, gire a la [izquierda|derecha] y cruce la {street}.
Verá {un fixed_word} y {un tree}. || Está [enfrente|detrás|al lado|cerca] de {el place}, en el número {digits 2 98}. || Está entre {el place} y {el place}. || Delante hay {un fixed_word}.
/ ¡Gracias! ¿Está lejos de {el place}? // No, son {number 5 29} minutos a pie. || Muchas gracias, ¿y puedo ir en {bare vehicle_public=z}? // Sí, {el z} {v salir pres z} a las {clock} de la {street}. || Gracias, ¿y a qué hora abre el {weekday}? // Abre a {time} y cierra a {time}.

timetable S=name F=name
El tren {digits 100 999} de {elsewhere=t} llega a las {clock} al andén {digits 1 12}. || {el vehicle_public -=z} de {elsewhere=t} {v salir pres z} a las {clock}. || {S} quiere tomar {el vehicle_public -} para ir a {elsewhere=t} el {weekday}. || Un billete para {elsewhere=t} cuesta {price}.
{S} llegó a la estación a {time}, pero hubo {number 5 29} minutos de retraso. || {S} llegó a las {clock} con {un luggage}. || {S} y {F} compraron {number 2 6} billetes por {price}.
El viaje dura {number 2 9 f} horas y {number 5 55} minutos. || Hay {digits 40 900} kilómetros entre {town} y {t}. || El {weekday} solo hay {number 2 6} trenes a {t}.
Durante el viaje {pret study}. || Se sentó al lado de {un person} y {pret study}. || Por la ventana vio {el nature} y {num farm_animal}. || {F} dormía, y {S} {imp study}.
? {un person} pidió los billetes. || A las {clock}, {F} {pret kitchen F}. || {un child} le enseñó {un toy}.
En {t} {pret travel}. || A {time} llegaron a {t}, y {F} {pret travel F}. || {F} esperaba delante de {el place} con {un thing}.
Volvieron a casa el {weekday} a {time}. || {S} estaba {adj mood}, pero {F} estaba {adj mood F}. || Fue un viaje [largo|maravilloso|corto], y {S} {pret study}.

lists S=name F=name
En el camino a {town}, {S} pasó por {stop}, {stop}, {stop} y {stop}. || {S} y {F} pasaron por {stop}, {stop}, {stop}, {stop}, {stop}, {stop} y {stop}. || En {year} solo había {number 4 9} pueblos cerca de {town}: {stop}, {stop}, {stop} y {stop}.
Después vieron {stop}, {stop}, {stop}, {stop}, {stop} y {stop}. || Luego vinieron {stop}, {stop}, {stop}, {stop}, {stop}, {stop} y {stop}.
Los [invitados|amigos|alumnos] de {S} son {given} {any_surname}, {given} {any_surname} y {given} {any_surname}. || En {stop}, {S} conoció a {given} {any_surname}, {given} {any_surname}, {given} {any_surname} y {given} {any_surname}.
? Sus vecinos son {given} {any_surname}, {given} {any_surname} y {given} {any_surname}.

weather S=any
En {month}, el tiempo en {town} es {sky} y {sky}. || Hoy el día está {sky} en {town}, pero mañana estará {sky}. || La previsión para el {weekday}: tiempo {sky} por la mañana y {sky} por la noche. || El {weekday} llovió durante {number 2 20 f} horas en {town}. || Era un {weekday} [frío|lluvioso|soleado|gris] de {month}.
La temperatura es de {number 2 35} grados. || A {time} solo había {number 2 14} grados en {town}. || Había [una tormenta|una nube|un arcoíris] sobre {el nature}. || El viento venía del [norte|sur|mar] y movía {el tree -}.
Cuando hace [frío|calor|sol|viento], {S} {v poder pres} {inf leisure}. || Cuando llueve, {S} {pres home}. || Como el día estaba {sky}, {S} {se} {v poner pret} {un clothes} y {un clothes}. || {S} {v tomar pret} {un clothes} y {pret garden}.
? No {pret garden}, porque hacía demasiado [frío|calor|viento]. || No {v poder pret} {inf sea}, así que {pret study}. || Después salió el sol, y {pret garden}.
En {season} siempre {pres garden}. || Si hace [sol|calor|viento] el {weekday}, {fut sea}. || La próxima semana {v ir pres} a {inf travel}, si no llueve.

numbers S=name F=name
{S} tiene {digits 100 999} {plural small_thing -=x}. || {S} tenía {digits 20 90} {plural fruit -=x} en {un thing_container}. || {S} colecciona {plural collectible -=x}; hay {digits 100 999} en {un thing_container}. || En la clase de {S} hay {number 10 29} niños.
Le dio {digits 2 19} a {F} y {digits 2 19} a {su family}. || Compró {digits 2 30} más por {price}. || {F} solo tiene {digits 2 19}. || El {weekday} recibió {digits 2 19} más de {su family}.
{F} quería saber {cuanto x} tenía. || ¿{cuanto x} {x} tenía entonces? || {F} preguntó {cuanto x} había en {un thing_container}.
{S} contó: {number 2 20}, {number 22 40}, {number 42 60}. || Contó despacio y con cuidado, y la respuesta era {number 20 99}. || {F} dijo que {number 2 9} más {number 2 9} es una suma fácil.
? {sum} || {sum} {sum} || {F} tiene {number 5 60} años, y {S} tiene {number 5 60}.
Al final {lo x} puso en {un thing_container}. || La respuesta estaba en {un text}, y {S} estaba {adj mood}. || Su profesora estaba contenta, porque {S} sabe contar hasta {digits 100 999}. || {sum}

visit S=name F=name
{F} visitó a {S} el {weekday} a {time}. || {S} invitó a {F} a {un event}. || Era el cumpleaños de {S}, el {date}, y {F} llegó a {time}. || {S} y {F} se encontraron en {el place} de {town}.
{F} trajo {unos fruit} y {un toy}. || {S} {pret kitchen} y {pret home}. || {F} le regaló {un small_thing} y {bare drink}. || Juntos {pret kitchen P}, y {un pet} miraba.
Después {pret leisure P}. || Hablaron de {un text} y de {su family}. || {F} {pret leisure F}, y {S} {pret leisure}. || Juntos {pret garden P} hasta {time}.
? {S} estaba {adj mood}, porque {F} {pret study F}. || De repente {un person} llamó a la puerta y pidió {un tool}. || También llegó {un child} y {pret leisure H}. || {F} olvidó {un small_thing} encima de {el surface}.
{F} volvió a casa a {time}. || A {time}, {F} se despidió y tomó {el vehicle_public} de {town}. || {S} le dio las gracias por {el small_thing}.
El próximo {weekday}, {S} {fut travel} con {F}. || El {weekday} {fut leisure P} otra vez. || {S} estaba {adj mood} y {pret home}.

sea S=any A=name
En {month}, {S} {v pasar pret} {number 2 9 f} semanas cerca de {el nature_sea}. || El {date}, {S} {v ir pret} a la costa con {A}. || {S} {v llegar pret} a {town} en {bare vehicle_public} el {date}.
Cada mañana {imp sea}. || El {weekday} {pret sea} y {pret sea}. || El agua estaba [fría|templada|tranquila|limpia], y {A} {pret sea A}. || {A} quería {inf sea A}, pero hacía demasiado [frío|viento|calor].
Por la tarde {pret travel}. || Allí había {un sea_animal} y {num bird}. || {un person} {le} {v contar pret H} {un idea_told} sobre {un sea_animal}. || {pret leisure} y {v comer pret} {un dish} en la playa.
? {A} perdió {un small_thing=x}, pero {un child} {lo x} encontró. || {v estar imp} {ger sea} cuando {A} vio {un sea_animal}.
Por la noche {A} {pret kitchen A}, y {S} {pret leisure}. || A {time} {se} {v sentar pret} cerca de {el nature_sea} y {pret study}.
En {month} {fut sea} otra vez. || {v estar imp} {adj mood}, porque las vacaciones eran demasiado cortas. || {v llevar pret} a casa {un souvenir} y {num collectible}.

farm S=name F=kin
{S} vive en una granja cerca de {town} con {num farm_animal} y {num farm_animal}. || En la granja de {S} {surname} hay {num farm_animal}, {num farm_animal} y {un tree}. || {S} se levanta a {time} para {inf farm}. || Su granja está cerca de {el nature}, y {S} tiene {num farm_animal}.
En {season} {pres farm}. || Cada mañana {pres farm} y {pres farm}. || El {weekday} {pret farm}, y su {F} {pret farm F}. || Su {F} {pres farm F}, mientras {S} {pres farm}.
En {month}, {un predator} llegó a la granja. || En {month}, el tiempo era muy {sky}, y {S} {pret garden}. || En {recent} tenían {num farm_animal} y {un farm_vehicle}. || Un día {un farm_animal} estaba en {el pasture}.
{S} {pret farm} hasta {time}. || {S} {pret farm}, aunque estaba {adj mood}. || Su {F} {lo S} llamó, y juntos {pret farm P}.
? Vende {plural fruit} y {plural vegetable} en {town}. || Un kilo de {plural fruit} cuesta {cents}.
Por la noche {pres leisure}, y su {F} {pres kitchen F}. || Su animal favorito es {el farm_animal -}. || {S} dice que {los farm_animal -=g} {v ser pres g} {suits farm_animal g}.

lost S=name F=name
{S} no encontraba {su small_thing=x}. || El {weekday}, {S} perdió {un small_thing=x} en {town}. || {el small_thing=x} de {S} no {v estar imp x} en {el room}. || {S} buscaba {su small_thing=x} y preguntó a todos sus vecinos.
{lo x} buscó en {el room}, sobre {el surface} y detrás de {el hiding_place}. || {pret home}, pero {el x} no {v estar imp x} allí. || Preguntó a {F} y a {un person}, pero nadie {lo x} había visto.
{F} dijo que {pret home F}. || {F} recordó que {S} {pret market} el {weekday}. || {un child} vio {un bird} con {un small_thing}. || {F} estaba {adj mood F}, porque había {part market F}.
Luego fueron a {el place} y preguntaron a {un person}. || Juntos {pret home P}. || A {time}, {F} abrió {un thing_container} y sonrió.
{el x} {v estar imp x} en {un thing_container}, al lado de {un clothes}. || {el x} {v estar imp x} sobre {el surface}, con {un toy}. || {un pet} {lo x} había escondido detrás de {el hiding_place}.
{S} estaba {adj mood} y le dio las gracias. || {S} le dio {un dish} a {F} y se rio. || Desde entonces, {S} siempre {pres home} antes de {time}.

school S=name F=name
{S} y {F} estudian {bare subject_word} en un colegio de {town}. || El {weekday}, {S} tenía un examen de {bare subject_word}. || {S} y {F} {surname F} van al mismo colegio en {town}. || La clase empieza a las {opening} y termina a las {closing}.
{S} tiene {un school} y {num school} en {su luggage}. || En la primera hora los alumnos {pret study P}. || {S} {pret study}, mientras {F} {imp study F}. || Ayer {F} {pret study F}, pero {S} olvidó {su school}.
La profesora explicó {un problem_word} e hizo {number 2 9 f} preguntas. || La profesora les enseñó {un school} y un dibujo de {un wild_animal}. || {F} preguntó: ¿quién puede {inf study F}?
{S} sabía la respuesta y estaba {adj mood}. || Nadie sabía la respuesta, así que {pret study P}. || {S} escribió la respuesta en la pizarra: {number 20 99}.
? Después de la clase {pret leisure P}. || A mediodía {S} comió {un dish} y {unos fruit}. || De tarea tienen que {inf study P}.
{S} recibió la mejor nota y {pret leisure}. || El próximo {weekday} {fut travel P}. || Por la noche {pres study} con {su family}.

plans S=any F=name
El próximo {weekday}, {S} {fut travel}. || {S} {v tener pres} muchos planes para {month}. || El {date}, {S} {v cumplir fut} {number 22 60} años. || {S} {v ir pres} a vivir en {elsewhere} durante {digits 100 700} días.
Por la mañana {fut home}, y por la tarde {fut study}. || Primero {fut market}. || Después {fut people}. || Si hace [sol|frío|calor], {fut garden}.
{F} {fut kitchen F}. || {F} no {fut travel F}, porque tiene que {inf office F}. || {F} y {un person} {fut leisure P}.
? Con más tiempo también {cond workshop}. || Quizás también {fut farm}. || No {fut office} antes del {date}.
En {month} {fut sea}. || En una semana libre {cond leisure} y {cond people}. || Dentro de {number 2 9} años {fut travel}.
Todo junto costará {digits 100 999} euros. || Hay {digits 100 999} kilómetros hasta {elsewhere}, pero no {v tener pres} prisa. || {v volver fut} a casa el {date}.

memories S=any F=name G=kin
Cuando {S} {v tener imp} {number 4 12} años, {v vivir imp} en {elsewhere}. || En {recent}, {S} {v vivir imp} cerca de {el nature}. || Hace muchos años, {S} {v tener imp} {un pet} y {num bird}. || {S} {v recordar pres} siempre el verano de {recent}.
Cada {weekday}, {imp garden}. || En {season} siempre {imp farm}. || {su G} siempre {imp kitchen G}, y por la tarde {imp home}. || Los domingos por la noche, {su G} {imp leisure G}.
En el pueblo había {digits 100 999} casas, {un place} y {un place}. || Desde {el room} se veía {un tree} y {el nature}. || La casa tenía {num room} y {un part}.
{F} vivía al lado y casi siempre {imp leisure F}. || Un día {F} y {su G} {pret travel P}. || {F} y {su G} {imp study P} cada {weekday}.
? Entonces nunca {imp sea}. || De noche {v tener imp} miedo de {los wild_animal}. || {su G} solo ganaba {digits 100 999} euros al mes.
Ahora {v vivir pres} en {town}, pero {v soñar pres} con {el nature}. || Todavía {v guardar pres} {un thing} y {un text} de aquel tiempo. || Hoy {F} es {trade F} y todavía {pres leisure F}.

interview S=I Y=you A=name B=name F=kin
¡Hola, {A}! ¿{pret leisure Y} el {weekday}? // Sí, y también {pret leisure}. || ¡Hola, {B}! ¿{pret market Y}? // No, porque {pret office}. || {A}, ¿{pret home Y} ayer? // No, pero mi {F} {pret home F}.
/ ¿{pres garden Y} muchas veces? // Sí, cada {weekday} {pres garden}. || ¿Tu {F} {pres kitchen F}? // No, pero casi siempre {pres leisure F}. || ¿Has {part travel Y} alguna vez? // Sí. En {recent=e} {pret travel}.
/ ¿Qué hacías a las {clock=d}? // A las {d} {imp workshop}. || ¿Y tú? ¿{imp farm Y}? // No, yo {imp study}. || ¿Qué hacía tu {F} el {weekday=d}? // El {d} mi {F} {imp farm F}. || ¿Qué hacían tus vecinos? // Mis vecinos {imp garden P}.
/ ¿{fut people Y}? // Sí, el {date} {fut people}. || ¿{fut sea Y} en {month}? // No, en {month} {fut study}. || ¿{cond travel Y} conmigo? // Claro que sí, y después {cond leisure}. || ¿Tus amigos {pres workshop P}? // Sí, y también {pres leisure P}.
? / ¿Cuál es tu número de teléfono? // Es el {digits 100 999} {digits 100 999}. || ¿Cuál es tu nueva dirección? // {street}, número {digits 100 999}, en {elsewhere}.
/ Gracias, {A}. Ahora voy a {inf home}. // ¡Adiós, {B}! Hasta el {weekday}. || Gracias por tu tiempo, {A}. // De nada, {B}.
"""
