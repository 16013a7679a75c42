"""A local web page that shows sources while they are being tracked."""
