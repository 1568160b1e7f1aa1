"""What the API of OpenAI's clients takes and gives: parameters declared once, read strictly, answered in their order.

errors.py          `ApiError`: what a client is told, in OpenAI's shape
kinds.py           values of a request: how each is read, and its JSON schema
parameters.py      every parameter of every endpoint, declared once
json_body.py       bytes to a JSON object, with bounds
requests.py        the body of a request to what is to be written: `Asked`
answers.py         what was written to JSON: whole, and in chunks
token_texts.py     log-probabilities as the two endpoints show them
answer_schemas.py  JSON schemas of the answers
openapi.py         the schema at /openapi.json, made of the same declarations
"""
