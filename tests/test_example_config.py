from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.config import ApiSection, Config
from importer.config_loading import load_config
from importer.errors import UsageError
from importer.template import TEMPLATE, write_config

if TYPE_CHECKING:
    from pydantic import BaseModel

ROOT = Path(__file__).resolve().parent.parent
KEEN = "https://amwezouylooonljdehou.supabase.co/functions/v1/openapi-operations"


def test_the_example_is_what_init_writes(tmp_path: Path) -> None:
    written = write_config(tmp_path / "importer.toml")
    assert written.read_bytes() == (ROOT / "config.example.toml").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["importer.toml"]


def test_the_example_says_the_defaults_and_keens_url() -> None:
    config = load_config(ROOT / "config.example.toml", {}).config
    assert config == Config(api=ApiSection(url=KEEN))


def test_the_example_has_every_key_with_a_comment_of_its_section() -> None:
    lines = TEMPLATE.splitlines()
    for section, about in Config.model_fields.items():
        model: type[BaseModel] = about.annotation  # type: ignore[assignment]
        start = lines.index(f"[{section}]")
        assert lines[start + 1].startswith("# ")
        end = next((i for i in range(start + 1, len(lines)) if lines[i][:1] == "["), len(lines))
        keys = [line.split(" = ")[0] for line in lines[start:end] if " = " in line[:25]]
        assert [key for key in keys if not key.startswith("#")] == list(model.model_fields)


def test_no_other_code_knows_keens_url() -> None:
    names = [path.name for path in (ROOT / "importer").rglob("*.py") if KEEN in path.read_text()]
    assert names == ["template.py"]


def test_init_never_replaces_anything(tmp_path: Path) -> None:
    path = tmp_path / "importer.toml"
    path.write_text("mine")
    (tmp_path / "link.toml").symlink_to("nowhere")
    for taken in (path, tmp_path, tmp_path / "link.toml"):
        with pytest.raises(UsageError, match="is there already and stays as it is"):
            write_config(taken)
    assert path.read_text() == "mine"


def test_init_in_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"importer\.toml cannot be written: No such file"):
        write_config(tmp_path / "missing" / "importer.toml")
