"""A game from a `PyPSA <https://pypsa.org>`_ network (extra ``pypsa``)."""

from sesgame.adapters.pypsa.game_of_network import network_game

__all__ = ["network_game"]
