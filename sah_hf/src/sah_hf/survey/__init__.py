"""The survey of model families: which model types of transformers sparse attention works in, tried and tabled.

``python -m sah_hf.survey`` runs it.
"""
