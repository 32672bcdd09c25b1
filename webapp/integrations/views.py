from flask import Blueprint, Flask

bp = Blueprint("integrations", __name__, url_prefix="/account/integrations")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("")
def index() -> str:
    return "stub"


@bp.get("/add")
def add() -> str:
    return "stub"
