"""Two sets of records against each other: `bench compare`."""

from bench.report.comparison.differences import Comparison as Comparison
from bench.report.comparison.differences import compare as compare
from bench.report.comparison.sides import Unusable as Unusable
from bench.report.comparison.sides import find_side as find_side
from bench.report.comparison.text import as_json as as_json
from bench.report.comparison.text import as_text as as_text
