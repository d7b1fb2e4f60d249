"""The pages of the labs. GET routes only, but for the one handler that `/lab/two-ways` compares with."""

from flask import Blueprint

bp = Blueprint("labs", __name__, static_folder="static", static_url_path="/lab/static", template_folder="templates")
