"""What a Ray cluster costs against processes on this machine."""
