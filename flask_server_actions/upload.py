"""Files that a form sends. Their type is what the content says; name and type that a client claims are only claims."""

from hashlib import file_digest
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema
from werkzeug.datastructures import FileStorage

__all__ = ["Upload", "UploadLimit"]
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


class UploadLimit:
    """How large a file may be (bytes), and of which types: `Annotated[Upload, UploadLimit(5_000_000, "image/png")]`."""

    def __init__(self, max_bytes: int, *types: str) -> None:
        self.max_bytes, self.types = max_bytes, types

    def __get_pydantic_core_schema__(self, source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, core_schema.is_instance_schema(source))

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "binary", "maxBytes": self.max_bytes, "accept": ",".join(self.types)}

    def _check(self, upload: Upload) -> Upload:
        if upload.size > self.max_bytes:
            raise PydanticCustomError("file_too_large", "too large", {"megabytes": f"{self.max_bytes / 1e6:g}"})
        if self.types and upload.content_type not in self.types:
            context = {"types": ", ".join(self.types), "found": upload.content_type}
            raise PydanticCustomError("file_type", "another type", context)
        return upload


def _content_type(head: bytes) -> str:
    """Return the media type that the first bytes of a file show; what shows none is text or octets."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    known = next((kind for signature, kind in _SIGNATURES.items() if head.startswith(signature)), None)
    is_text = not any(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    return known or ("text/plain" if is_text else "application/octet-stream")
