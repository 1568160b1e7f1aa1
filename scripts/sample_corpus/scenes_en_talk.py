"""English scenes in which people talk or write to each other: greetings, shops, questions, letters."""

SCENES = """
greeting S=I Y=you A=name B=name F=kin G=kin
Hello, how are you? // I am [fine|well|very well], thank you, and today I want to {base leisure}. How are you? || Hello, how are you? // I am [very well|fine|well|quite well|very {adj mood}], thank you. I {past home} [this morning|yesterday]. And you? || Hello, {A}, how are you? // Hello, {B}! I am [fine|well|very well], and my {F} is well too. And you? || Hello, {A}! How are you [today|this morning|this {weekday}]? // Very well, thank you! I {past leisure} [yesterday|on {weekday}]. And you? || Hi, {A}! How are you? // I am fine, {B}, and my {F} is {adj mood} today. How are you? || Good [morning|afternoon|evening], {A}! How are you? // Good [morning|afternoon|evening], {B}! I am [very|quite|a little] {adj mood}. And you? || Hello, {A}! How is your {F}? // {he F} is [very well|much better], thank you, {B}. {he F} {past leisure F} on {weekday}. And how are you? || Hey, {A}! It is nice to see you at {the place}. // Hello, {B}! How are you? || Hello, how are you today? // I am [well|fine|very well], thanks. I slept for {number 6 10} hours. And you?
/ I am [fine|well] too. Today I am going to {base leisure}. // That [sounds|is] [wonderful|lovely|great]! [Can I come with you?|When do you start?|My {G} likes to {base leisure G} too.] || I am [fine|well], thanks. My {G} and I {past travel P} [last week|last {weekday}|yesterday]. // How [nice|lovely]! I would like to {base travel} too. || I am a little {adj mood}, and I have to {base home} today. // I understand you, because I {past home} last {weekday}. [Do you need any help?|Can I help you?] || I am very {adj mood}! Yesterday I {past leisure}. // Really, {A}? My {G} often {pres leisure G}.
? / Let's meet at {the place} at {time}. // [Yes, with pleasure!|Of course!|That is a good idea!] I will bring {a dish} or {some fruit}. || Let's go to {the place} together on {weekday}. // [Very well|All right|Yes, please]. Come to {street} at {clock}. || What are you doing on {weekday}? // I am going to {base people}, and then I want to {base leisure}.
/ Goodbye, {A}! See you [on {weekday}|tomorrow|soon]. // Bye, {B}! Say hello to your {G}. || See you [on {weekday}|at {time}|tomorrow]. || Have a good [day|weekend|evening], {A}! // Thank you, {B}. See you [later|soon|on {weekday}]! || I have to go now. See you [later|soon|on {weekday}], {A}!

meeting S=I Y=you A=name B=name F=kin
Hello! My name is {A}. What is your name? || Hello, I am {A} {surname}. Are you new in {elsewhere=t}? || Good [morning|afternoon|evening]! I am {A}, the new {trade}. || Welcome! My name is {A} and I am {atrade}. || Hello there! I am {A} from {town}. Who are you?
/ Hello, {A}! My name is {B}, and I come from {elsewhere}. || Nice to meet you, {A}. I am {B} {surname B}. I work as {atrade}. || Hello! I am {B}. I am {number 18 60} years old and I live in {town}. || I am {B}, your new neighbour. I live at {digits 2 98} {street}.
/ Nice to meet you, {B}. What do you do in your free time in {season}? || I am very glad to meet you, {B}. Do you like to {base leisure}, or do you have other hobbies? || Welcome, {B}! What do you like to do [at the weekend|in the evening]?
/ I like to {base leisure} and to {base garden}. || I usually {base leisure} on {weekday}. And you? || I love to {base kitchen}, and I often {base leisure}. || In {season}, I {base garden}. In {season}, I {base leisure}.
/ So do I, and I {past leisure} last {weekday}. || I prefer to {base travel}, and so does my {F}. || I never {base garden}, but I can {base kitchen}. || My {F} and I often {base leisure} [together|on {weekday}].
? / Would you like to {base leisure} with us on {weekday}? || Come to our house on {weekday}! My {F} is going to {base kitchen}.
/ Yes, with pleasure! At what time can I come [on {weekday}|to {street}]? || That would be [lovely|wonderful], {A}, but when can I come [on {weekday}|to {street}]? || Thank you, {A}! Can I bring {a dish} or {some fruit}?
/ Come at {time}. We live at {digits 2 98} {street}. || At {clock}. Please bring {a fruit} or {some drink}. || At {time}, opposite {the place}.

shop S=I Y=you A=name
Good [morning|afternoon], can I help you? || Hello! What would you like [today|this {weekday}]? || Hello, {A}! What can I do for you? || Welcome to our shop! Are you looking for {a thing}?
/ Good [morning|afternoon]. I would like {a dishware=x} for my {sg family -}. || Hello. I am looking for {a clothes=x}. || Yes, please. I need {a small_thing=x} and {some fruit}. || Hello! Do you sell {pl school=x}? || Hello. Do you have {a small_thing=x} for {a child}?
/ Yes, of course. [What colour would you like?|What size do you need?] || Certainly. We have {num clothes} and {num dishware} too. || Let me see. Here [we have|is] {a thing} too. || Of course. The {x} {is x} over there, beside {the furniture}.
/ I would like [something|one] in [{adj colour}|{adj colour} or {adj colour}]. || The {adj colour} one is very nice. Do you have it in {adj colour}? || How much {is x} the {x}? || What {do x} the {x} cost?
/ {he x} {v cost x} {price}. || Today we have an offer: only {price}. || That is {price}, and {a thing} costs {price}.
/ That is [a good price|very cheap|a little expensive|fair]. I will take {him x}. || Very well. Can I pay by card? || Good. Here are {number 50 90} euros. || It is [too|rather] expensive for me. I have only {price}.
/ Thank you very much, and [goodbye|have a nice day|have a good {weekday}]! || Here is your change: {price}. [Goodbye|See you soon]! || Thank you, {A}, and would you like {a thing_container} for {him x}?

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
Hello, this is {A} {surname}. Who is it? // Hello, {A}! It's {B}. || Hello, {B}, it's {A}! Are you at home? // Hello, {A}! Yes, I am {ing home}. || Good evening, {B}! Can you talk now? // Hi, {A}! Yes, I was just {ing kitchen}. || Hi, {B}! What are you doing? // Hi, {A}! My {F} and I are {ing leisure P}. || Hello, {B}! Where are you? // Hello, {A}! I am at {the place} with my {F}.
/ Are you free on {weekday}? I want to {base travel}. // I am sorry, but on {weekday} I have to {base office}. || Would you like to {base leisure} [tomorrow|on {weekday}|this weekend]? // With pleasure, {A}! I love to {base leisure}. || Can you help me on {weekday}? I have to {base home}. // Yes, of course, but first I must {base kitchen}. || I have some good news: my {F} {past study F}! // That is wonderful! We must celebrate it with {a dish}.
/ Then come on {weekday} at {time}. // All right. I will bring {a thing} and {some fruit}. || Shall we meet at {the place} at {clock}? // That is a good idea. I will be there at {time}. || Shall I come on {weekday}? // Yes, please come at {time}, and we can {base leisure} together.
? / Don't forget your {sg small_thing=y}! // Don't worry. I put {him y} in {a thing_container}. || My {F} will {base kitchen F}. // Wonderful! {he F} makes the best {sg dish -} in {town}.
/ Goodbye, {A}! See you on {weekday}. || Thank you, {B}! See you at {the place}. || See you at {time}. Say hello to your {F}!

questions S=I Y=you A=name B=name F=kin
Hello, {A}! May I ask you {number 2 9} questions? // Of course, {B}. || {A}, do you have {number 5 20} minutes? // Yes, {B}. What would you like to know?
/ What is your favourite season, {A}? // My favourite season is {season}, because I can {base garden}. || Where do you live? // I live in {town}, near {the nature}. || Do you like {pl pet}? // I like {pl pet} very much, but my {F} prefers {pl bird}. || What did you do on {weekday=d}? // On {d} I {past home} and {past leisure}. || When do you get up? // I get up at {time}, and then I {base kitchen}.
/ What do you usually do on {weekday=d}? // On {d} I usually {base study}. In the evening I {base leisure}. || Do you have {a pet=p}? // Yes, I do. {he p} is {digits 2 12} years old and {suits pet}. || Can you {base workshop}? // No, I can't, but I can {base kitchen}. || What did you do in {recent=e}? // In {e} I {past travel}. || Why do you often {base leisure}? // Because it makes me [happy|calm|very happy|very calm], {B}.
/ How many {pl thing -} do you have? // I have {number 2 40}. My {F} gave me the [first|last] one on {date}. || Who taught you to {base study}? // My {F} taught me when I was {number 5 15} years old. || Which is bigger, {a wild_animal} or {a insect}? // That is an easy question, {B}: the [first|big] animal, of course! || What is in your {sg luggage -}? // There is {a small_thing}, {a text} and {some fruit}.
? / What would you like to do next year? // I would like to {base travel} and to {base leisure}. || What will you do in {month=d}? // In {d} I will {base travel} with my {F}.
/ Thank you for your answers, {A}. // You are welcome. Now I have to {base home}. || Thank you, {A}. Now I know that you can {base leisure}. || Is there anything else, {B}? // No, thank you. [Goodbye|See you on {weekday}], {A}!

letter S=I Y=you A=name B=name F=kin G=kin
Dear {A}, || Dear {sg family -} {A}, || Hello, {A}! || Dear {A} and {B}, || My dear {A},
/ How are you? I am writing to you from {town}. || Thank you very much for your letter and for the {sg small_thing}. || I hope that you are well. Here in {town} it is {sky} and {sky}. || We arrived in {town} on {weekday}, {date}.
We are staying [in|at] {a place} near {the nature}. || Our house is at {digits 2 98} {street}, opposite {the place}. || The weather is {sky}, and the [people|neighbours] are very kind. || It took {number 2 12} hours by {sg vehicle_public -}, and I was {adj mood}.
On {weekday} we {past travel}. || Yesterday my {F} and I {past leisure}. || This morning I {past market}, and my {F} {past kitchen}. || Last {weekday} I {past people}.
? In the evening we usually {base leisure}. || My {G} {was} {adj mood} and {past leisure G}. || The {sg room} is {suits room}, but the {sg furniture -} is {suits furniture}.
Tomorrow we are going to {base travel}. || On {weekday} I will {base sea}. || Next week we want to {base leisure} with {a person}. || I bought {a souvenir} for you; it cost {price}.
Please write to me soon. || Give {my small_thing S} to {a person}, please. || We are coming home on {date}. || I miss you and our {sg pet} very much. || Can you {base garden} before {weekday}?
/ With love, {B} || Best wishes from {town}, {B} || A big hug from your {sg family -}, {B} || Yours, {B} {surname B}

sale S=I A=name
For sale: {a furniture=x}, {adj colour} and {suits furniture}. || For sale: {a vehicle=x} from {year}. || For sale: {num dishware} and {a furniture=x}. || Do you need {a tool=x}? We sell {him x} for {cost}.
We bought {him x} in {year} in {elsewhere}. || It is as good as new. || The {x} {is x} [in very good condition|almost new]. || You can see {him x} at {digits 2 98} {street}.
The price is {cost}. || It costs {cost}. || We sell {him x} for {cost} or for {a thing}. || Come with {cost}, and it is yours.
Please call {A} {surname} between {opening} and {closing}. || Come to {digits 2 98} {street} on {weekday}. || Write to {A} {surname}, {digits 2 98} {street}, {town}. || You can find us at {the place} [every|on] {weekday}.
? We also sell {num clothes} and {num thing}. || Ask for {A} at {the place}.

missing S=I A=name
Lost: {a pet=x}! || Lost: {a small_thing=x} and {num school}! || Have you seen {a pet=x}? || {A} {surname} lost {a small_thing=x} on {weekday}.
It was lost in {street} on {weekday} at {time}. || We last saw {him x} near {the place} at {clock}. || {A} was {ing leisure A} when it happened. || The {x} {was x} beside {the part} on {date}.
{he x} {is x} {adj colour} and very dear to us. || We are {adj mood} without {him x}. || Please read this notice if you live near {street}. || {A} looked in {the room} and in {the place}.
The reward is {digits 50 999} euros. || We can offer {a dish} and {price}. || Please bring {him x} to {digits 2 98} {street}.
Please call {A} {surname} between {opening} and {closing}. || Ask for {A} at {the place} on {weekday}. || Thank you very much for your help.

doctor S=I Y=you A=name
Good morning, {A}. What is the matter? || Hello, {A}. How do you feel today? || Come in, {A}. Where does it hurt? || Good afternoon, doctor. I don't feel well today.
/ My {sg body=x} hurts, and I have a [cough|fever|headache|cold]. || I have {a hurt_body}, doctor. I fell on {weekday} when I was {ing leisure S}. || I have a [fever|cough|cold|headache] since {weekday}. || I hurt {my body} when I was {ing workshop S}.
/ Since when do you feel so {adj mood}? || Let me see {my body Y}. Did you {base leisure} yesterday? || Did you sleep well [last night|on {weekday}]? || What did you eat yesterday?
/ Since {weekday}, at about {time}. || Yes, I {past garden} for {number 2 9} hours. || I ate {a dish} and {some fruit}. || I slept for {number 2 6} hours. Then I {past home}.
/ Take this [medicine|syrup] {number 2 4} times a day and drink {some drink}. || You should rest for {number 2 9} days and drink {some drink}. || You must not {base leisure} before {weekday}. || Eat {some fruit} and stay in bed until {weekday}.
/ Thank you, doctor. Can I {base leisure} on {weekday}? || And when can I {base office}? || Thank you, but shall I come back on {weekday}?
/ Come back on {weekday} at {time}. || Not before {weekday}, {A}. Get well soon! || Yes, but carefully. Goodbye, {A}!
"""
