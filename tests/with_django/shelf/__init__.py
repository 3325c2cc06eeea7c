"""An app with the models that the tests of rules change."""
