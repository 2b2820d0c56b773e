"""What trains: data modules."""
