from flask import Blueprint, Flask

bp = Blueprint("licenses", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/global/office-365-licenses")
def everyones() -> str:
    return "stub"


@bp.get("/organizations/<int:organization_id>/office-365-licenses")
def organizations(organization_id: int) -> str:
    return "stub"


@bp.get("/licenses/<int:license_id>")
def show(license_id: int) -> str:
    return "stub"
