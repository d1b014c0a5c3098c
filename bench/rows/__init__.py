"""The rows of the book, in its order: name, title, function of the book. A function
returns {"contests": [...], "targets": [...], "notes": [...], "absent": [...]}, or
{"growth": [...]}; see README.md of the folder above for adding one."""
from . import campaign, growth, kernels, pca, pmf, reading

ALL = {row[0]: row for module in (reading, pca, pmf, campaign, growth, kernels)
       for row in module.ROWS}
