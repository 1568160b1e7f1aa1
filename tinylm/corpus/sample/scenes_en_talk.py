"""English scenes in which people talk or write to each other: greetings, shops, questions, letters."""

SCENES = """
greeting S=I Y=you A=name B=name F=kin G=kin
Hello, how are you? || Hello, {A}, how are you? || Hello, {A}! How are you [today|this morning|this {weekday}]? || Hello! How are you, {A}? || Hi, {A}! How are you? || Good [morning|afternoon|evening], {A}! How are you? || Hello, {A}! How is your {F}? || Hey, {A}! How was your {weekday}?
/ I am [very well|fine|well|quite well], thank you. And you? || Hello, {B}! I am [well|fine|very well], and my {F} is well too. || I am [very|quite|a little] {adj mood}, thank you. I {past home} [this morning|yesterday]. || Very well, {B}! I {past leisure} [yesterday|on {weekday}]. || I am fine, {B}, but my {F} is {adj mood}.
/ I am [fine|well] too. Today I am going to {base leisure}. || I am [fine|well], thanks. My {G} and I {past travel} [last week|last {weekday}|yesterday]. || I am a little {adj mood} because I have to {base home} today. || I am very {adj mood}! Yesterday I {past leisure}.
/ That [sounds|is] [wonderful|lovely|great]! [Can I come with you?|Do you need any help?|When do you start?] || How [nice|lovely]! I would like to {base leisure} too. || I understand. I {past home} last {weekday}, and I was {adj mood} too. || Really? My {F} often {pres leisure F}.
? / Of course! Let's meet at {the place} at {time}. || Yes, please. Come to {street} at {clock}. || Yes, let's go to {the place} together on {weekday}.
/ Goodbye, {A}! See you [on {weekday}|tomorrow|soon]. || See you [on {weekday}|at {time}|tomorrow], {B}! || Have a good [day|weekend|evening], {A}! || Bye, {B}! Say hello to your {G}. || I have to go now. See you [later|soon|on {weekday}], {A}!

meeting S=I Y=you A=name B=name F=kin
Hello! My name is {A}. What is your name? || Hello, I am {A} {surname}. Are you new in {town=t}? || Good [morning|afternoon|evening]! I am {A}, the new {trade}. || Welcome! My name is {A} and I am {atrade}. || Hello there! I am {A} from {town}. Who are you?
/ Hello, {A}! My name is {B}, and I come from {town}. || Nice to meet you, {A}. I am {B} {surname}. I work as {atrade}. || Hello! I am {B}. I am {number 18 60} years old and I live in {town}. || I am {B}, your new neighbour. I live at {digits 2 98} {street}.
/ Nice to meet you, {B}. What do you do in your free time? || I am very glad to meet you, {B}. Do you have any hobbies? || Welcome, {B}! What do you like to do [at the weekend|in the evening]?
/ I like to {base leisure} and to {base garden}. || I usually {base leisure} on {weekday}. And you? || I love to {base kitchen}, and I often {base leisure}. || In {season}, I {base garden}. In {season}, I {base leisure}.
/ So do I! I {past leisure} last {weekday}. || I prefer to {base travel}. My {F} taught me. || I never {base garden}, but I can {base kitchen}. || My {F} and I often {base leisure} [together|on {weekday}].
? / Would you like to {base leisure} with us on {weekday}? || Come to our house on {weekday}! My {F} is going to {base kitchen}.
/ Yes, with pleasure! At what time? || That would be [lovely|wonderful]. When can I come? || Thank you, {A}! What can I bring?
/ Come at {time}. We live at {digits 2 98} {street}. || At {clock}. Please bring {a fruit} or {some drink}. || At {time}, opposite {the place}.

shop S=I Y=you A=name
Good [morning|afternoon], can I help you? || Hello! What would you like [today|this {weekday}]? || Hello, {A}! What can I do for you? || Welcome to our shop! Are you looking for {a thing}?
/ Good [morning|afternoon]. I would like {a dishware=x} for my {sg family -}. || Hello. I am looking for {a clothes=x}. || Yes, please. I need {a small_thing=x} and {some fruit}. || Hello! Do you sell {pl school=x}? || Hello. Do you have {a small_thing=x} for {a child}?
/ Yes, of course. [What colour would you like?|What size do you need?] || Certainly. We have {num clothes} and {num dishware} too. || Let me see. Here [we have|is] {a thing} too. || Of course. The {x} {is x} over there, beside {the furniture}.
/ I would like [something|one] in [{adj colour}|{adj colour} or {adj colour}]. || The {adj colour} one is very nice. Do you have it in {adj colour}? || How much {is x} the {x}? || What {do x} the {x} cost?
/ {he x} {v cost x} {price}. || Today we have an offer: only {price}. || That is {price}, and {a thing} costs {price}.
/ That is [a good price|very cheap|a little expensive|fair]. I will take {him x}. || Very well. Can I pay by card? || Good. Here are {number 50 90} euros. || It is [too|rather] expensive for me. I have only {price}.
/ Thank you very much. [Goodbye|Have a nice day|Have a good {weekday}]! || Here is your change: {price}. [Goodbye|See you soon]! || Thank you. Would you like {a thing_container} for {him x}?

restaurant S=I Y=you A=name B=name
Good evening! A table for {number 2 9}, please. || Hello, I booked a table for {number 2 8} people at {time}. || Good evening, my name is {A} {surname}. We have a table at {clock}. || Hello, {A}! Are you hungry?
/ Welcome! Your table is [in|near|beside] {the room}. || Of course. Would you like to sit near {the open_word} or in {the room}? || Please follow me. The waiter brings the menu in {number 2 9} minutes.
/ What do you recommend today? || What is the dish of the day? || Do you have {a dish} without {sg staple -}? || I am very hungry. What is there to eat?
/ Today we have {a dish=x} with {some vegetable}. || I recommend the {sg dish} with {some season_word}. || Our cook made {a dish=x} this morning. || Try {a dish}. My {sg family -} makes it with {some vegetable}.
/ Very well. I will take the {sg dish -} and {some drink}. || I would like {a dish} and a glass of {sg drink -}, please. || For me {a dish}, and for {B} {a dish}.
? / The {sg dish -} was [delicious|very good|perfect|a little cold]. || We ate {some vegetable} and {a dish}, and everything was [delicious|very good|perfect].
/ The bill, please. How much is it? || Thank you, {A}. How much is everything?
/ That is {price} in total. || It is {price}: {digits 5 20} euros for the {sg dish -} and {digits 2 9} for the {sg drink -}.

phone S=I Y=you A=name B=name F=kin
Hello? Who is it? || Hello, this is {A} {surname}. || Hello, {B}, it's {A}! Are you at home? || Good evening, {B}! Can you talk now? || Hi, {B}! What are you doing?
/ Hello, {A}! I am {ing home S}. || Hi, {A}! I was just {ing kitchen S}. || Oh, hello, {A}! My {F} and I are {ing leisure S}. || Hello, {A}! I am at {the place} with my {F}.
/ Are you free on {weekday}? I want to {base travel}. || Would you like to {base leisure} [tomorrow|on {weekday}|this weekend]? || Can you help me on {weekday}? I have to {base home}. || I have some good news: my {F} {past leisure F}!
/ I am sorry, but on {weekday} I have to {base office}. || Yes, of course! At what time? || With pleasure! I love to {base leisure}. || Perhaps. First I must {base home}.
/ Then come on {weekday} at {time}. || Shall we meet at {the place} at {clock}? || Don't worry, we can {base leisure} on {weekday}.
/ All right. I will bring {a thing} and {some fruit}. || That is a good idea. I will be there at {time}. || Perfect! See you on {weekday} at {the place}.
? / Thank you, {B}! Don't forget {my small_thing S}. || Wonderful! My {F} will {base kitchen F}.

questions S=I Y=you A=name B=name
What is your favourite [season|colour|animal|food|place], {A}? || {A}, may I ask you {number 2 9} questions? || Do you like {pl pet}, {A}? || Where do you live, {A}? || What did you do [yesterday|last {weekday}|on {weekday}], {A}? || When do you get up, {A}?
/ My favourite season is {season}, because I can {base garden}. || I live in {town}, near {the nature}. || I like {pl pet} very much, but my {sg family -} prefers {pl bird}. || [Yesterday|Last {weekday}] I {past home} and {past leisure}. || I get up at {time} and {base kitchen}.
/ And what do you do [on {weekday}|in the evening|in {month}]? || Do you have {a pet}? || Can you {base workshop}? || Did you ever {base travel}? || Why do you {base leisure}?
/ On {weekday} I usually {base study}. In the evening I {base leisure}. || Yes, I have {a pet=p}. {he p} {is p} {digits 2 12} years old. || No, I can't {base workshop}, but I can {base kitchen}. || Yes, I did. In {year} I {past travel}. || Because it makes me {adj mood}, {B}.
/ How many {pl thing -} do you have? || Who taught you to {base study}? || Which is bigger, {a wild_animal -} or {a insect -}? || What is in your {sg luggage -}?
/ I have {number 2 40}. The [first|last] one was a gift from my {sg family -}. || My {sg family -} taught me when I was {number 5 15} years old. || {a wild_animal -} is bigger, of course! || There {is} {a small_thing}, {a text} and {some fruit}.
? / What would you like to do next year? || What will you do in {month}?
? / I would like to {base travel} and to {base leisure}. || I will {base travel} with my {sg family -}. || I hope to {base study}.

letter S=I Y=you A=name B=name F=kin G=kin
Dear {A}, || Dear {sg family -} {A}, || Hello, {A}! || Dear {A} and {B}, || My dear {A},
/ How are you? I am writing to you from {town}. || Thank you very much for your letter and for the {sg small_thing}. || I hope that you are well. Here in {town} it is {sky} and {sky}. || We arrived in {town} on {weekday}, {date}.
We are staying [in|at] {a place} near {the nature}. || Our house is at {digits 2 98} {street}, opposite {the place}. || The weather is {sky}, and the [people|neighbours] are very kind. || It took {number 2 12} hours by {sg vehicle_public -}, and I was {adj mood}.
On {weekday} we {past travel}. || Yesterday my {F} and I {past leisure}. || This morning I {past market}, and my {F} {past kitchen}. || Last {weekday} I {past people}.
? In the evening we usually {base leisure}. || My {G} {was} {adj mood} because {he G} {past leisure G}. || The {sg room} is {suits room}, but the {sg furniture -} is {suits furniture}.
Tomorrow we are going to {base travel}. || On {weekday} I will {base sea}. || Next week we want to {base leisure} with {a person}. || I bought {a souvenir} for you; it cost {price}.
Please write to me soon. || Please {base people}, and [tell|give] {him A} a big hug from me. || We are coming home on {date}. || I miss you and our {sg pet} very much. || Can you {base garden} before {weekday}?
/ With love, {B} || Best wishes from {town}, {B} || A big hug from your {sg family -}, {B} || Yours, {B} {surname}

notice S=I A=name
For sale: {a furniture=x}, {adj colour} and {suits furniture}. || For sale: {a vehicle=x} from {year}. || Lost: {a pet=x}! || Found: {a small_thing=x} near {the place}. || Wanted: {a person=x} for {a place}.
We [bought|found|got] {him x} in {year} in {town}. || {A} {surname} knows more about it. || It was [on|in] {street} on {weekday} at {time}. || Please read this notice if you live near {street}.
The price is {price}. || The reward is {price}. || We pay {price} for every hour. || We can offer {a dish} and {price}.
Please call {A} {surname} between {clock} and {clock}. || Come to {digits 2 98} {street} on {weekday}. || Write to {A} {surname}, {digits 2 98} {street}, {town}. || You can find us at {the place} [every|on] {weekday}.
? Thank you very much for your help. || We are open from {weekday} to {weekday}. || Please bring {a small_thing} with you. || Ask for {A} at {the place}.

doctor S=I Y=you A=name
Good morning, {A}. What is the matter? || Hello, {A}. How do you feel today? || Come in, {A}. Where does it hurt? || Good afternoon, doctor. I don't feel well today.
/ My {sg body=x} hurts, and I have a [cough|fever|headache|cold]. || I have {a hurt_body}, doctor. I fell on {weekday} when I was {ing leisure S}. || I have a [fever|cough|cold|headache] since {weekday}. || I hurt {my body} when I was {ing workshop S}.
/ Since when? || Let me see {my body Y}. Did you {base leisure} yesterday? || Did you sleep well [last night|on {weekday}]? || What did you eat yesterday?
/ Since {weekday}, at about {time}. || Yes, I {past garden} for {number 2 9} hours. || I ate {a dish} and {some fruit}. || I slept for {number 2 6} hours. Then I {past home}.
/ Take this [medicine|syrup] {number 2 4} times a day and drink {some drink}. || You should rest for {number 2 9} days and drink {some drink}. || You must not {base leisure} before {weekday}. || Eat {some fruit} and stay in bed until {weekday}.
/ Thank you, doctor. Can I {base leisure} on {weekday}? || And when can I {base office}? || Thank you. Shall I come back on {weekday}?
/ Come back on {weekday} at {time}. || Not before {weekday}, {A}. Get well soon! || Yes, but carefully. Goodbye, {A}!
"""
