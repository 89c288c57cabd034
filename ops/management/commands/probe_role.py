"""Print or apply what the database role of the worker of commands may do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, transaction

from ops import probe_role


class Command(BaseCommand):
    help = (
        "Print the SQL that gives a database role the least that the worker of commands needs; run it again "
        "after each upgrade. --apply runs it as the owner of the tables, --create makes the role first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", help="for example closeloop_probes")
        parser.add_argument("--create", action="store_true", help="make the role, which may log in")
        parser.add_argument("--apply", action="store_true", help="run it instead of printing it")

    def handle(self, *args: Any, **options: Any) -> None:
        role = options["role"]
        try:
            grants = list(probe_role.statements(role))
        except ValueError as problem:
            raise CommandError(str(problem)) from None
        # How it signs in is for whoever runs the server to say: a password, a certificate, a local user.
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT CONNECTION LIMIT 20"
        created = f"CREATE ROLE {role} {rights}"
        script = [*([created] if options["create"] else []), *grants]
        if not options["apply"]:
            self.stdout.write("".join(f"{statement};\n" for statement in script))
            return
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in script:
                    cursor.execute(statement)
        except DatabaseError as problem:
            raise CommandError(f"Nothing was changed: {str(problem).splitlines()[0]}") from None
        self.stdout.write(f"The role {role} may run commands of checks, and nothing else.")
