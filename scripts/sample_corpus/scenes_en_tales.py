"""English scenes that tell, describe or instruct: days, people, places, animals, work, recipes, numbers."""

SCENES = """
day S=any F=kin
On {weekday}, {S} got up at {time}. || {S} woke up early on {weekday} because it was {sky} outside. || That {weekday}, {S} got up at {time}. || Last {weekday}, {S} had a very [long|busy|quiet|strange] day. || It was {time} when {S} opened the {sg open_word -}.
First {he} {past kitchen}. || {he} drank {some drink} and ate {a dish}. || For breakfast {he} had {some fruit} and a cup of {sg drink -}. || {he} put on {a clothes} and {past kitchen}.
In the morning {he} {past home}. || At {clock}, {he} {past home} and {past home}. || Then {he} went to {the place}, where {he} {past study}. || After breakfast {he} {past home}, but {he} {past home} later.
? {he} did not {base market}, because {he} {was} too {adj mood}. || {he} wanted to {base market}, but {the place} was closed. || While it was {sky}, {he} {past study}.
At noon {he} {past kitchen} with {my family -}. || In the afternoon {my F} {past garden F}. || At {time}, {he} {past people}. || Then {a person} came and {past leisure}.
In the evening {he} {past leisure}. || After dinner {he} {past leisure}, and {my F} {past study F}. || Before bed {he} {past study} and {past home}.
{he} {was} {adj mood} but {adj mood} when {he} went to bed at {time}. || At {clock}, everyone was asleep. || Tomorrow {he} will {base leisure}. || It was {a event=x}, and {he} will never forget {him x}. || That night {he} slept well and dreamed about {a wild_animal}.

market S=name F=kin
{S} needed {some fruit} and {some vegetable}. || On {weekday}, {S} went to the market in {town}. || {S} and {his} {F} walked to the market at {time}. || The market in {town} opens at {time}, and {S} is always there early.
{he} took {a thing_container} and {my small_thing}. || The counters were full of {pl fruit} and {pl vegetable}. || {a person} was selling {pl fruit} and {pl dishware}. || It was {sky}, but the market was {suits place}.
First {he} {past market}. || {he} {past market} and {past market}. || {he} bought {number 2 6} kilos of {pl fruit} for {cents}. || {he} asked the price of {a thing=x}, but {he x} {was x} too expensive.
? {his} {F} {past market F} too. || {he} also {past market} for {my family}. || Then {he} {past people}. || {a child} {past market}, and {S} laughed.
{he} paid {price} and put everything in {a thing_container}. || In total {he} spent {price}. || The {sg fruit -} cost {cents}, and the {sg clothes -} cost {price}. || {he} had {number 20 50} euros, and in the end {he} had only {digits 2 9}.
At home {he} {past kitchen}. || Then {he} went home by {sg vehicle_public -} and {past kitchen}. || In the evening {he} {past kitchen}, and {his} {F} {past kitchen F}. || {he} was {adj mood}, because now {he} could {base kitchen}.

portrait S=name F=name
{S} is {number 6 80} years old and lives in {town}. || {S} {surname} is {atrade} from {town}. || This is {S}. {he} works in {a place} near {the nature}. || My friend {S} is {a person}. || Do you know {S} {surname}? {he} lives at {digits 2 98} {street}.
{he} is {adj trait} and {adj trait}. || {he} has [long|short] {adj hair} hair and {adj eye} eyes. || {he} often wears {a clothes} and {a clothes}. || {he} was born in {elsewhere} on {date}. || {his} birthday is on {date}.
{his} {sg family -} is {atrade}, and {his} {sg family -} is {atrade}. || {he} has {number 2 5} {pl sibling -} and {a pet}. || {he} lives with {my family} in {a home_word}. || {his} best friend, {F}, is {atrade}.
On {weekday}, {he} {pres leisure}. || In {season}, {he} often {pres garden}. || {he} likes {pl animal_word} and {pl fruit}. || {he} can {base workshop}, but {he} can't {base kitchen}. || {he} never {pres market}, because {he} prefers to {base garden}.
? Last {weekday}, {he} {past people}. || Yesterday {he} {past leisure}, and {F} {past study F}. || When {he} was {number 5 12} years old, {he} {past farm}.
In {recent}, {he} {past travel}. || One day {he} wants to {base travel}. || Next {month}, {he} will {base leisure} with {F}. || {he} is very {adj mood} today, because {he} {past study}.
{F} thinks that {he} is very {adj trait}. || {his} neighbours like {him}, because {he} is {adj trait}. || Everybody in {town} knows {him}.

place S=I A=name
There is {a place=x} in {town}. || {town} is a small town near {the nature}. || In {town} there are {num place} and {num place}. || My favourite place is {the place=x} in {town}. || {A} lives in {a home_word} at {digits 2 98} {street}.
It was built in {year}, and its {pl part} are {suits part}. || Behind it there is {a nature}. || In front of the [house|town hall|station] there is {a tree} and {a fixed_word}. || Near {street} there is {a nature}, where you can {base leisure}.
The streets are {suits place} and {suits place}. || In {season}, many [people|visitors|families] come here to {base leisure}. || From the {sg high_word -} you can see {the nature} and {the place}. || The {sg room} is {suits room}, and on the wall there is {a thing}.
On {weekday}, you can {base market} from {opening} to {closing}. || It opens at {time} and closes at {time}. || Every {weekday}, {a person} {pres study A} there. || About {digits 200 999} people live here.
? In {year}, {a person} found {a small_thing} there. || Beside {the furniture} there {is} {a thing} and {num dishware}. || In the garden there are {num flower} and {a tree}.
{A} likes it, because it is {suits place}. || {a child} told me that it is the best place in the world. || Next {season}, {A} will {base travel} again. || I always go there when I am {adj mood}.

animal S=name F=kin
{S} has {a house_pet=p}. || {S} found {a house_pet=p} in {the nature} on {weekday}. || There was once {a house_pet=p} in a village near {town}. || {S} and {his} {F} have {a house_pet=p} and {num bird}.
The {p} is {digits 2 12} years old and {suits pet}. || The {p} has [black|white|brown|grey] ears and a [long|short|soft] tail. || The {p} is {adj tame} and {adj tame}. || It weighs {number 2 9} kilos.
Every [morning|evening], {S} [feeds|brushes|strokes|washes|walks] the {p} with {my family}. || In the morning the {p} eats {some vegetable} and drinks water. || The {p} sleeps [under|behind|near] {the furniture} in {the room}. || When it is {sky}, the {p} sleeps beside {the furniture}.
One day the {p} was not at home. {S} was very {adj mood}. || On {weekday}, the {p} hid {a small_thing} behind {the hiding_place}. || Last {weekday}, the {p} saw {a insect} and jumped over {the furniture}. || Yesterday {a wild_animal} came into the garden, and the {p} was {adj beast}.
{S} looked for the {p} in {the place} and in {the room}. || {his} {F} found the {p} behind {the hiding_place} and laughed. || {a person} found it near {the nature}. || {S} called the {p}, but it was [in|near] {the nature}.
In the end, the {p} came home with {a clothes}. || Now {S} always [feeds|brushes|strokes|hugs] the {p} before {time}. || Since then, the {p} and {S} are good friends. || {S} gave it {some fruit}, and the {p} was {adj beast}.

work S=role A=name
{A} works with {S} at {the place}. || {S} of {town} starts work at {time}. || {S} {is} very {adj trait}, and everyone in {town} likes {him}. || On {weekday}, {S} had a lot of work.
In the morning {he} {pres workshop}. || First {he} {pres office}, and then {he} {pres office}. || {he} usually {pres office} before {time}. || {he} wears {a clothes} and carries {a tool}.
Last {weekday}, {he} {past workshop}. || On {date}, {he} {past people} and {past office}. || Yesterday {A} {past office A}, while {S} {past workshop}. || In {recent}, {he} {past study} for the first time.
{A} asked for help, because {A} could not {base workshop A}. || {a person} came in and wanted to {base office}. || At {clock}, {a person} brought {a thing_clockish}.
{he} is {adj mood} when {he} can {base people}. || {he} works {number 4 9} hours a day and earns {digits 80 200} euros. || {he} never {pres home} before {time}. || {A} thinks that {S} is {adj trait}.
? At {time}, {he} closes the {sg open_word} and goes home. || After work {he} {pres leisure} with {my family}. || {he} is {adj mood} in the evening, but {he} often {pres leisure}.

recipe S=you A=name
{A}'s {sg bake_word -=x} is easy to make. || Today we are going to make {a dish=x}. || This is how {A} makes {a bake_word=x}. || A recipe for {number 3 9} people: {a dish=x}. || Do you want to make {a bake_word=x} for {my family}?
You need {digits 100 900} grams of {sg baking_word -}, {number 2 9} eggs and {some fruit}. || You need {some staple}, {some vegetable} and {a vessel} of {sg drink -}. || Take {num vegetable}, {num fruit} and {some season_word}.
First, wash and cut the {pl vegetable}. || First, {base recipe}. || Put the {sg baking_word -} and the {sg staple -} in {a bowl_word}. || Mix the {sg baking_word -} with {number 2 9} spoons of {sg staple -}.
Then {base recipe}. || Add {some season_word} and {some drink}. || Then stir everything slowly with {a stir_word} for {number 2 20} minutes. || Cut {some fruit} and add {some staple}.
Cook it for {number 10 55} minutes. || Put it in the oven for {number 15 90} minutes at {digits 150 240} degrees. || Leave it in {the room} for {number 10 90} minutes. || Cover it and wait until {time}.
? Meanwhile, {base recipe}. || Meanwhile you can {base home}. || Then clean {the furniture} and wash the {pl dishware}.
Serve it [hot|warm|cold] with {some fruit} and {some drink}. || It tastes best with {some drink} and {some staple}. || In {season}, {A} serves it with {some fruit}. || Enjoy your {sg dish -}! || {my family} will ask for more.

directions S=you A=name
Excuse me, where is {the place=x}? || Excuse me, how do I get to {street}? || Hello! I am looking for {the place=x} in {town}. || {A} wants to go to {the place=x}, but {he A} does not know the way.
/ Go straight on along {street} and turn [left|right] at {the place}. || Take the {adj colour} bus to {street} and get off at {the place}. || Cross the bridge and go past {the place} and {the place}. || It is {number 5 30} minutes from here. First, go to {street}.
Then take the [first|second|third] street on the [left|right]. || Then walk {digits 100 900} metres along {street}. || After {the place}, turn [left|right] and cross {street}.
You will see {a fixed_word} and {a tree}. || It is [opposite|behind|beside|near] {the place}, at number {digits 2 98}. || It is between {the place} and {the place}. || There is {a fixed_word} in front of it.
/ Thank you! Is it far from {the place}? // No, it takes {number 5 40} minutes on foot. || Thank you very much. Can I go by {sg vehicle_public -=z}? // Yes, the {z} leaves at {clock} from {street}. || Thank you, and at what time does it open on {weekday}? // It opens at {time} and closes at {time}.

timetable S=name F=name
Train {digits 100 999} to {elsewhere=t} leaves at {clock} from platform {digits 1 12}. || The {sg vehicle_public -} from {elsewhere=t} arrives at {clock}. || {S} wants to take the {sg vehicle_public -} to {elsewhere=t} on {weekday}. || A ticket to {elsewhere=t} costs {price}.
{S} was at the station at {time}, but it was {number 5 50} minutes late. || {S} arrived at {clock} with {a luggage}. || {S} and {F} bought {number 2 6} tickets for {price}.
The journey takes {number 2 9} hours and {number 5 55} minutes. || It is {digits 40 900} kilometres from {town} to {t}. || On {weekday}, there are only {number 2 6} trains to {t}.
On the way, {he} {past study}. || {he} sat beside {a person=q} and {past study}. || From the window {he} saw {the nature} and {num farm_animal}. || {F} slept, and {S} {past study}.
? {a person} asked for the tickets. || At {clock}, {F} {past kitchen F}. || {a child} showed {him} {a toy}.
In {t}, {he} {past travel}. || At {time}, they were in {t}, and {F} {past travel F}. || {F} waited for {him} in front of {the place} with {a thing}.
They came home on {weekday} at {time}. || {S} was {adj mood}, but {F} was {adj mood}. || It was a [long|wonderful|short] trip, and {S} {past study}.

lists S=name F=name
On the way to {town}, {S} drove through {stop}, {stop}, {stop} and {stop}. || {S} and {F} drove through {stop}, {stop}, {stop}, {stop}, {stop}, {stop} and {stop}. || In {year} there were only {number 4 9} villages near {town}: {stop}, {stop}, {stop} and {stop}.
After that, they saw {stop}, {stop}, {stop}, {stop}, {stop} and {stop}. || Then came {stop}, {stop}, {stop}, {stop}, {stop}, {stop} and {stop}.
The [guests|friends|pupils] of {S} are {given} {any_surname}, {given} {any_surname} and {given} {any_surname}. || In {stop}, {S} met {given} {any_surname}, {given} {any_surname}, {given} {any_surname} and {given} {any_surname}.
? Their neighbours are {given} {any_surname}, {given} {any_surname} and {given} {any_surname}.

weather S=any
In {month}, it is often {sky} and {sky} in {town}. || Today it is {sky} in {town}, but tomorrow it will be {sky}. || The forecast for {weekday}: {sky} in the morning and {sky} in the evening. || On {weekday}, it rained for {number 2 20} hours in {town}. || It was a [cold|warm|windy|rainy|sunny|foggy] {weekday} in {month}.
The temperature is {number 2 35} degrees. || At {time}, it was only {number 2 14} degrees in {town}. || There was a [storm|cloud|rainbow] over {the nature}. || The wind came from the [north|south|east|west].
When it is {sky}, {S} {v like} to {base leisure}. || When it rains, {S} {pres home}. || Because it was {sky}, {S} wore {a clothes} and {a clothes}. || {S} took {a clothes} and {past garden}.
? {he} did not {base garden}, because it was too {sky}. || {he} could not {base sea}, so {he} {past study}. || Then the sun came out, and {he} {past garden}.
In {season}, {he} {pres garden}. || If it is {sky} on {weekday}, {he} will {base sea}. || Next week {he} {is} going to {base travel}, if it is not too {sky}.

numbers S=name F=name
{S} has {digits 100 999} {pl small_thing -=x}. || {S} had {number 20 90} {pl fruit -=x} in {a thing_container}. || {S} collects {pl collectible=x}; there are {digits 100 999} in {a thing_container}. || There are {number 10 40} pupils in {S}'s class.
{he} gave {number 2 19} to {F} and {number 2 19} to {my family}. || {he} bought {number 2 30} more for {price}. || {F} has only {number 2 19}. || On {weekday}, {he} got {number 2 19} more from {my family}.
{F} wanted to know how many {he} had. || How many {x} did {he} have then? || {F} asked how many there were in {a thing_container}.
{he} counted: {number 2 20}, {number 21 40}, {number 41 60}. || {he} counted slowly and carefully, and the answer was {number 20 99}. || {F} said that {number 2 9} and {number 2 9} is an easy sum.
? {sum} || {sum} {sum} || {F} is {number 5 60} years old, and {S} is {number 5 60}.
In the end, {he} put {him x} in {a thing_container}. || The answer was in {a text}, and {S} was {adj mood}. || {his} teacher was {adj mood}, because {S} can count to {digits 100 999}. || {sum}

visit S=name F=name
{F} visited {S} on {weekday} at {time}. || {S} invited {F} to {a event}. || It was {S}'s birthday on {date}, and {F} came at {time}. || {S} and {F} met at {the place} in {town}.
{F} brought {some fruit} and {a toy}. || {S} {past kitchen} and {past home}. || {he F} gave {him S} {a small_thing} and {some drink}. || They {past kitchen P}, and {a pet} watched them.
Then they {past leisure P}. || They talked about {a text} and about {my family}. || {F} {past leisure F}, and {S} {past leisure}. || They {past garden P} until {time}.
? {S} was {adj mood}, because {F} {past study F}. || Suddenly {a person} knocked on the door and asked for {a tool}. || {a child} came too and {past leisure}. || {F} forgot {my small_thing F} on {the surface}.
{F} went home at {time}. || At {time}, {he F} said goodbye and took the {sg vehicle_public -} to {town}. || {S} thanked {him F} for the {sg small_thing}.
Next {weekday}, {S} will {base travel} with {F}. || On {weekday}, they will {base leisure P}. || {S} was {adj mood} and {past home}.

sea S=any A=name
Last {season}, {S} spent {number 2 9} weeks near {the nature_sea}. || In {month}, {S} went to the coast with {A}. || {S} arrived in {town} by {sg vehicle_public -} on {date}.
Every morning {he} {past sea}. || On {weekday}, {he} {past sea} and {past sea}. || The water was {suits drink}, and {A} {past sea A}. || {A} wanted to {base sea A}, but it was too {sky}.
In the afternoon {he} {past travel}. || They saw {a sea_animal} and {num bird}. || {a person} told {him} {a idea_told} about {a sea_animal}. || {he} {past leisure} and ate {a dish} on the beach.
? {A} lost {a small_thing=x}, but {a child} found {him x}. || {he} {was} {ing sea} when {A} saw {a sea_animal}.
In the evening {A} {past kitchen A}, and {S} {past leisure}. || At {time}, they sat near {the nature_sea} and {past study P}.
{he} will {base sea} again next {month}. || {he} {was} {adj mood}, because the holidays were too short. || {he} brought home {a souvenir} and {num collectible}.

farm S=name F=kin
{S} lives on a farm near {town} with {num farm_animal} and {num farm_animal}. || On the farm of {S} {surname} there are {num farm_animal}, {num farm_animal} and {a tree}. || {S} gets up at {time} to {base farm}. || {S}'s {F} has a farm near {the nature}.
In {season}, {he} {pres farm}. || Every morning {he} {pres farm} and {pres farm}. || On {weekday}, {he} {past farm}, and {his} {F} {past farm F}. || {his} {F} {pres farm F}, while {he} {pres farm}.
Last {month}, {a predator} came to the farm. || In {month}, it was very {sky}, and {S} {past garden}. || In {recent}, they had {num farm_animal} and {a farm_vehicle}. || One day {a farm_animal=c} was in {the pasture}.
{he} {past farm} until {time}. || {S} {past farm}, although {he} was {adj mood}. || {his} {F} called {him}, and they {past farm P}.
? {he} sells {pl fruit} and {pl vegetable} in {town}. || A kilo of {pl fruit} costs {cents}.
In the evening {he} {pres leisure}, and {his} {F} {pres kitchen F}. || The {sg farm_animal} is {his} favourite animal. || {S} says that {pl farm_animal -} are {suits farm_animal}.

lost S=name F=name
{S} could not find {my small_thing=x}. || On {weekday}, {S} lost {a small_thing=x} in {town}. || {S}'s {sg small_thing=x} was not in {the room}. || Where {was x} the {x}? {S} did not know.
{he} looked in {the room}, under {the furniture} and behind {the hiding_place}. || {he} {past home}, but the {x} {was x} not there. || {he} asked {F} and {a person}, but they had not seen {him x}.
{F} said that {he F} {past home F}. || {F} remembered that {S} {past market} on {weekday}. || {a child} saw {a bird} with {a small_thing}. || {F} was {adj mood}, because {he F} had {done market F}.
Then they went to {the place} and asked {a person}. || Together they {past home P}. || At {time}, {F} opened {a thing_container} and smiled.
The {x} {was x} in {a thing_container}, beside {a clothes}. || The {x} {was x} under {the surface}, with {a toy}. || {a pet} had put {him x} under {the hiding_place}.
{S} was {adj mood} and thanked {him F}. || {S} gave {F} {a dish} and laughed. || Since then, {S} always {pres home} before {time}.

school S=name F=name
{S} and {F} learn {sg subject_word} at a school in {town}. || On {weekday}, {S} had an exam in {sg subject_word}. || {S}'s teacher, {F} {surname F}, is {adj trait} and {adj trait}. || The lesson starts at {opening} and ends at {closing}.
{he} {has} {a school} and {num school} in {my luggage}. || In the first hour the pupils {past study P}. || {S} {past study}, while {F} {past study F}. || Yesterday {F} {past study F}, but {S} forgot {my school}.
The teacher explained {a problem_word} and asked {number 2 9} questions. || The teacher showed them {a school} and a painting of {a wild_animal}. || {F} asked: who can {base study F}?
{S} knew the answer and {was} {adj mood}. || Nobody knew the answer, so they {past study P}. || {S} wrote the answer on the blackboard: {number 20 99}.
? After school they {past leisure P}. || At noon {he} ate {a dish} and {some fruit}. || For homework, they must {base study P}.
{S} got the best mark and {past leisure}. || Next {weekday}, they will {base travel P}. || In the evening {he} {pres study} with {my family}.

plans S=any F=name
Next {weekday}, {S} will {base travel}. || {S} {has} many plans for {month}. || On {date}, {S} will be {number 20 60} years old. || {S} {is} going to live in {elsewhere} for {digits 100 700} days.
In the morning {he} will {base home}, and in the afternoon {he} will {base study}. || First {he} will {base market}. || {he} {is} going to {base people}. || If it is {sky}, {he} will {base garden}.
{F} will {base kitchen F}. || {F} is not going to {base travel F}, because {he F} must {base office F}. || {F} and {a person} will {base leisure P}.
? {he} would also like to {base workshop}. || Perhaps {he} will {base farm} too. || {he} will not {base office} before {date}.
In {month}, {he} will {base sea}. || For {his} birthday {he} would like {a thing}. || In {number 2 9} years, {he} will {base travel}.
Everything together will cost {digits 100 999} euros. || It is {digits 100 999} kilometres to {elsewhere}, but {he} {is} not in a hurry. || {he} will come home on {date}.

memories S=any F=name G=kin
When {S} {was} {number 4 12} years old, {his} family lived in {elsewhere}. || In {recent}, {S} lived near {the nature}. || Many years ago, {S} had {a pet} and {num bird}. || {S} often {v think} of the summer of {recent}.
Every {weekday}, {he} {past garden}. || In {season}, {he} always {past farm}. || {his} {G} always {past kitchen G}, and {he} {past home}. || On {weekday} evenings, {his} {G} {past leisure G}.
There were {digits 100 999} houses in the village, {a place} and {a place}. || From {the room}, {he} could see {num tree} and {the nature}. || {his} house had {num room} and {a part}.
{F} lived next door, and {he F} often {past leisure F}. || One day {F} and {his} {G} {past travel P}. || {F} taught {him} to {base study}.
? {he} never {past sea} then. || At night {he} {was} afraid of {pl wild_animal}. || {his} {G} earned only {digits 100 999} euros a month.
Now {he} {v live} in {town}, but {he} often {v dream} of {the nature}. || {he} still {has} {a thing} and {a text} from that time. || Today {F} is {atrade}, and {he F} still {pres leisure F}.

interview S=I Y=you A=name B=name F=kin
Hello, {A}! Did you {base leisure Y} last {weekday}? // Yes, I did, and I also {past leisure}. || Hello, {B}! Did you {base market Y}? // No, I did not, because I {past office}. || {A}, did you {base home Y} yesterday? // No, but my {F} {past home F}.
/ Do you often {base garden Y}? // Yes, I {base garden} every {weekday}. || Does your {F} {base kitchen F}? // No, but {he F} often {pres leisure F}. || Have you {done travel Y}? // Yes, I have. In {recent=e} I {past travel}.
/ What were you doing at {clock=d}? // At {d} I was {ing workshop}. || How many {pl text -} have you got? // I have got {digits 100 999}, and my {F} has {digits 100 999}. || What was your {F} doing on {weekday=d}? // On {d} my {F} was {ing farm F}.
/ Will you {base people Y}? // Yes, on {date} I will {base people}. || Would you like to {base sea Y}? // Yes, but I can't, because I must {base study}. || Can your {F} {base workshop F}? // Of course! {he F} {pres workshop F} very well.
? / What is your telephone number? // It is {digits 100 999} {digits 100 999}. || What is your new address? // It is {digits 100 999} {street}, in {elsewhere}.
/ Thank you, {A}. Now I am going to {base home}. // Goodbye, {B}! See you on {weekday}. || Thank you for your time, {A}. // You are welcome, {B}.
"""
