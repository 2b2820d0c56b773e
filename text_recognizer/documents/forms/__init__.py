"""Forms: a template that names their fields, photographs laid upon it, and one row of texts a form."""
