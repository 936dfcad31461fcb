"""The oracle behind other people's interfaces, one module a framework. None imports the framework itself."""
