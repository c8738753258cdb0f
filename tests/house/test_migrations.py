"""The list of schema versions is the chain that Alembic goes along."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from agent import migrations


def test_the_listed_versions_are_the_whole_chain_of_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)

    chain = [revision.revision for revision in script.walk_revisions()][::-1]

    assert tuple(chain) == migrations.VERSIONS
    assert script.get_heads() == [migrations.VERSIONS[-1]]
