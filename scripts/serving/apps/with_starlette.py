"""The app in starlette."""

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route


async def answer(request):
    await request.body()
    return Response(b"{}", media_type="application/json")


app = Starlette(routes=[Route("/", answer, methods=["POST"])])
