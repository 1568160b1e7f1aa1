"""The app in falcon."""

import falcon.asgi


class Answer:
    async def on_post(self, request, response):
        await request.stream.read()
        response.media = {}


app = falcon.asgi.App()
app.add_route("/", Answer())
