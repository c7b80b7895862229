"""What a reviewer wants of a topology on one screen, as data: `nsgen page`. Its template is `templates/page/`."""
