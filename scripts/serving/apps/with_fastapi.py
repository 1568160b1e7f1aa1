"""The app in FastAPI."""

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/")
async def answer(request: Request):
    await request.body()
    return {}
