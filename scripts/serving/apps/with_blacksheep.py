"""The app in blacksheep."""

from blacksheep import Application, Request, json

app = Application()


@app.router.post("/")
async def answer(request: Request):
    await request.read()
    return json({})
