"""Sweeps: many trainings that look for better flags, on Ray Tune."""
