from flask import Blueprint, Flask

from ..extensions import db, login_manager
from ..models import User, UserSession

bp = Blueprint("auth", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    login_manager.login_view = "auth.sign_in"

    @login_manager.user_loader
    def load(token: str) -> User | None:
        return UserSession.find_user(db.session, token)


@bp.get("/sign-in")
def sign_in() -> str:
    return "stub"


@bp.post("/sign-out")
def sign_out() -> str:
    return "stub"


@bp.get("/account/password")
def password() -> str:
    return "stub"
