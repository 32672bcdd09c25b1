from flask import Blueprint, Flask

bp = Blueprint("organizations", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/organizations")
def index() -> str:
    return "stub"


@bp.get("/organizations/<int:organization_id>")
def show(organization_id: int) -> str:
    return "stub"
