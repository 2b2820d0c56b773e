"""A picture is decoded and limited, and a line of it normalized. Needs NumPy, OpenCV and Pillow alone."""
