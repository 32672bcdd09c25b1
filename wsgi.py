"""What gunicorn and the `flask` command load: the application, with the settings of the environment."""

from webapp.starting import app_or_end

app = app_or_end()
