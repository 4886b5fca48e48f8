"""Ablation: what each part of a model adds, and what makes it fail; as a page and its figures."""
