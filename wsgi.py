"""What gunicorn and the `flask` command load: the application, with the settings of the environment."""

from settings.errors import SettingError
from webapp import create_app

try:
    app = create_app()
except SettingError as error:
    raise SystemExit(f"Seatledger cannot start: {error}") from error
