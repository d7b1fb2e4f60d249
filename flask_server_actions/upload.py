"""Files that a form sends. Their type is what the content says; name and type that a client claims are only claims."""

from hashlib import file_digest

from pydantic import GetPydanticSchema
from pydantic_core import PydanticCustomError, core_schema
from werkzeug.datastructures import FileStorage

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip",
}


class Upload(FileStorage):
    """An uploaded file: `filename`, `stream`, `save()`, its `size` in bytes, its `content_type` by the content.

    What is larger than 500 kB lies on disk, not in memory, and is gone when the request ends.
    """

    def __init__(self, file: FileStorage) -> None:
        name = (file.filename or "").rpartition("/")[2]
        super().__init__(file.stream, name, content_type=_content_type(file.stream.read(4096)))
        self.stream.seek(0)
        self.digest = file_digest(self.stream, "sha256").hexdigest()  # type: ignore[arg-type]
        self.size = self.stream.seek(0, 2)
        self.stream.seek(0)


def UploadLimit(max_bytes: int, *types: str) -> GetPydanticSchema:  # noqa: N802  # it stands among types
    """How large a file may be (bytes), and of which types: `Annotated[Upload, UploadLimit(5_000_000, "image/png")]`."""

    def check(upload: Upload) -> Upload:
        if upload.size > max_bytes:
            raise PydanticCustomError("file_too_large", "too large", {"megabytes": f"{max_bytes / 1e6:g}"})
        if types and upload.content_type not in types:
            context = {"types": ", ".join(types), "found": upload.content_type}
            raise PydanticCustomError("file_type", "another type", context)
        return upload

    checked = core_schema.no_info_after_validator_function(check, core_schema.is_instance_schema(Upload))
    described = {"type": "string", "format": "binary", "maxBytes": max_bytes, "accept": ",".join(types)}
    return GetPydanticSchema(lambda *_: checked, lambda *_: described)


def _content_type(head: bytes) -> str:
    """Return the media type that the first bytes of a file show; what shows none is text or octets."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    known = next((kind for signature, kind in _SIGNATURES.items() if head.startswith(signature)), None)
    is_text = not any(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    return known or ("text/plain" if is_text else "application/octet-stream")
