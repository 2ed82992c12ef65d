"""Black-box learners: a network reads the support set and generates the weights of another."""

from quickstudy.learners.blackbox.cnaps import CNAPs
from quickstudy.learners.blackbox.hypernetwork import HyperNetwork
from quickstudy.learners.blackbox.leo import LEO, LEOPenalties
from quickstudy.learners.blackbox.meta_networks import MetaNetworks
from quickstudy.learners.blackbox.simple_cnaps import SimpleCNAPs

__all__ = ["LEO", "CNAPs", "HyperNetwork", "LEOPenalties", "MetaNetworks", "SimpleCNAPs"]
