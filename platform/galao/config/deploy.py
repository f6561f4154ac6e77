"""The ``deploy`` section: what the finished bundle says about itself."""

from pydantic import Field

from galao.config.section import Section


class DeployConfig(Section):
    """What the finished bundle says about itself."""

    version: str = Field(default="1", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """The bundle's version, as in name@version."""
    license: str = "not stated"
    """Licence of the finished net, for those who receive it; the starting weights' licence is added by galao."""
