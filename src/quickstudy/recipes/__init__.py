"""Published settings as functions; the flags of ``quickstudy train RECIPE`` are their arguments."""

from quickstudy.recipes.anil_omniglot import anil_omniglot
from quickstudy.recipes.cavia_sinusoid import cavia_sinusoid
from quickstudy.recipes.closed_form_omniglot import lrd2_omniglot, r2d2_omniglot
from quickstudy.recipes.feat_omniglot import feat_omniglot
from quickstudy.recipes.glyphs import maml_glyphs, pretrain_glyphs, proto_glyphs
from quickstudy.recipes.hypernetwork_omniglot import hypernetwork_omniglot
from quickstudy.recipes.imaml_omniglot import imaml_omniglot
from quickstudy.recipes.learned_optimizer import learned_optimizer_classifier, learned_optimizer_quadratics
from quickstudy.recipes.maml_omniglot import maml_omniglot
from quickstudy.recipes.maml_plus_plus_omniglot import maml_plus_plus_omniglot
from quickstudy.recipes.maml_sinusoid import maml_sinusoid
from quickstudy.recipes.mann_omniglot import mann_omniglot
from quickstudy.recipes.matching_omniglot import matching_omniglot
from quickstudy.recipes.meta_lstm_omniglot import meta_lstm_omniglot
from quickstudy.recipes.meta_sgd_omniglot import meta_sgd_omniglot
from quickstudy.recipes.meta_sgd_sinusoid import meta_sgd_sinusoid
from quickstudy.recipes.metanetworks_omniglot import metanetworks_omniglot
from quickstudy.recipes.ntm_copy import ntm_copy
from quickstudy.recipes.proto_maml_omniglot import proto_maml_omniglot
from quickstudy.recipes.proto_omniglot import proto_omniglot
from quickstudy.recipes.r2d2_sinusoid import r2d2_sinusoid
from quickstudy.recipes.recipe import Recipe
from quickstudy.recipes.relation_omniglot import relation_omniglot
from quickstudy.recipes.reptile_omniglot import reptile_omniglot
from quickstudy.recipes.siamese_omniglot import siamese_omniglot
from quickstudy.recipes.simple_cnaps_omniglot import simple_cnaps_omniglot
from quickstudy.recipes.snail_omniglot import snail_omniglot
from quickstudy.recipes.space import Choice, Linear, Log

__all__ = [
    "Choice",
    "Linear",
    "Log",
    "Recipe",
    "anil_omniglot",
    "cavia_sinusoid",
    "feat_omniglot",
    "hypernetwork_omniglot",
    "imaml_omniglot",
    "learned_optimizer_classifier",
    "learned_optimizer_quadratics",
    "lrd2_omniglot",
    "maml_glyphs",
    "maml_omniglot",
    "maml_plus_plus_omniglot",
    "maml_sinusoid",
    "mann_omniglot",
    "matching_omniglot",
    "meta_lstm_omniglot",
    "meta_sgd_omniglot",
    "meta_sgd_sinusoid",
    "metanetworks_omniglot",
    "ntm_copy",
    "pretrain_glyphs",
    "proto_glyphs",
    "proto_maml_omniglot",
    "proto_omniglot",
    "r2d2_omniglot",
    "r2d2_sinusoid",
    "relation_omniglot",
    "reptile_omniglot",
    "siamese_omniglot",
    "simple_cnaps_omniglot",
    "snail_omniglot",
]
