"""What the packaged program runs first."""

from agent.__main__ import main

main()
