"""Whole documents: files of pages in; text, tables, searchable PDFs and layouts out."""
