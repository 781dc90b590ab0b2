"""Analyzers for tests: one that rules nothing out, and one that counts its work."""

from extproc.detectors.analyzer import Analyzer, Prescan
from extproc.detectors.detector_set import ALL


class ExhaustiveAnalyzer(Analyzer):
    """Never rules anything out: every string, key and number is searched by every detector that it may concern."""

    def prescan(self, document, hinted=ALL):
        return Prescan(ALL, None)

    def detectors_for(self, text, outside_documents=None):
        return ALL


class CountingAnalyzer(Analyzer):
    """Counts the characters that are searched, context included, and the searches."""

    def __init__(self):
        super().__init__()
        self.characters = self.prescans = self.searches = 0

    def prescan(self, document, *hinted):
        self.prescans += 1
        self.characters += len(document)
        return super().prescan(document, *hinted)

    def detectors_for(self, text, *outside_documents):
        self.characters += len(text)
        return super().detectors_for(text, *outside_documents)

    def scan(self, text, context=str):
        self.searches += 1
        self.characters += len(text)
        return super().scan(text, self._counted(context))

    def run(self, detectors, text, context=str):
        if not detectors.is_all:  # else it is a scan
            self.searches += 1
            self.characters += len(text)
        return super().run(detectors, text, self._counted(context))

    def _counted(self, context):
        def counted():
            keys = context()
            self.characters += len(keys)
            return keys

        return counted
