"""Judges everything that was signed in a run, with the linters of others.

    lint.py FOLDER [--zlint PROGRAM]

FOLDER holds DER files: certificates (.cer), CRLs (.crl), OCSP responses (.ocsp). pkilint runs in
this one process over all of them; zlint, where given (or named by TEGATA_ZLINT), over certificates
and CRLs.

Standard output has one JSON object per finding at warning or above:
    {"tool": …, "file": …, "severity": "WARNING" | "ERROR" | "FATAL", "finding": …}
Standard error has one line per tool with the number of files it read. Exit code: 0 no finding,
1 findings, 2 a linter could not run.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pkilint import loader, pkix
from pkilint.pkix import certificate, crl, extension, name, ocsp
from pkilint.validation import ValidationFindingSeverity

ZLINT_SOURCES = "RFC5280,RFC5480,Community"
ZLINT_SEVERITIES = {"warn": "WARNING", "error": "ERROR", "fatal": "FATAL"}


def certificate_linter():
    """RFC 5280 and what it cites, for any certificate."""
    decoders = certificate.create_decoding_validators(
        name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
    )
    validators = [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container([]),
        certificate.create_spki_validator_container([]),
    ]
    container = certificate.create_pkix_certificate_validator_container(decoders, validators)
    return loader.RFC5280CertificateDocumentLoader(), container


def crl_linter():
    """RFC 5280 section 5."""
    decoders = [
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ]
    validators = [
        crl.create_issuer_validator_container([]),
        crl.create_validity_validator_container([]),
        crl.create_extensions_validator_container([]),
    ]
    container = crl.create_pkix_crl_validator_container(decoders, validators)
    return loader.RFC5280CertificateListDocumentLoader(), container


def ocsp_linter():
    """RFC 6960 section 4.2."""
    decoders = [
        ocsp.create_response_decoder(),
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ]
    container = ocsp.create_pkix_ocsp_response_validator_container(decoders, [])
    return loader.RFC6960OCSPResponseDocumentLoader(), container


def pkilint_findings(files):
    """Yields the findings of pkilint. A file that it cannot read is a finding too."""
    linters = {".cer": certificate_linter(), ".crl": crl_linter(), ".ocsp": ocsp_linter()}
    for file in files:
        reader, container = linters[file.suffix]
        try:
            document = reader.load_der_document(file.read_bytes(), file.name, str(file))
        except ValueError as error:
            yield found("pkilint", file, "FATAL", f"cannot be read: {error}")
            continue
        for result in container.validate(document.root):
            for description in result.finding_descriptions:
                severity = description.finding.severity
                if severity <= ValidationFindingSeverity.WARNING:
                    where = f"{description} at {result.node.path}"
                    yield found("pkilint", file, severity.name, where)


def zlint_findings(program, files):
    """Yields the findings of zlint. It takes one file a call; two calls run at a time."""

    def lint(file):
        # It tells a CRL from a certificate by the label of PEM only.
        label = {".cer": "CERTIFICATE", ".crl": "X509 CRL"}[file.suffix]
        body = base64.encodebytes(file.read_bytes()).decode("ascii")
        pem = f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"
        command = [program, "-format", "pem", "-includeSources", ZLINT_SOURCES]
        return subprocess.run(command, input=pem, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(max_workers=2) as pool:
        for file, run in zip(files, pool.map(lint, files)):
            if run.returncode != 0 or not run.stdout.strip():
                last = (run.stderr.strip().splitlines() or ["no output"])[-1]
                yield found("zlint", file, "FATAL", f"cannot be read: {last}")
                continue
            for lint_name, result in json.loads(run.stdout).items():
                severity = ZLINT_SEVERITIES.get(result["result"])
                if severity:
                    yield found("zlint", file, severity, f"{lint_name} {result.get('details', '')}")


def found(tool, file, severity, finding):
    return {"tool": tool, "file": file.name, "severity": severity, "finding": finding.strip()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--zlint", default=os.environ.get("TEGATA_ZLINT"))
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        print(f"{arguments.folder} is no folder", file=sys.stderr)
        return 2

    suffixes = {".cer", ".crl", ".ocsp"}
    files = sorted(file for file in arguments.folder.rglob("*") if file.suffix in suffixes)
    findings = list(pkilint_findings(files))
    print(f"pkilint: {len(files)} files", file=sys.stderr)
    if arguments.zlint:
        files = [file for file in files if file.suffix != ".ocsp"]
        findings.extend(zlint_findings(arguments.zlint, files))
        print(f"zlint: {len(files)} files", file=sys.stderr)
    for finding in findings:
        print(json.dumps(finding, ensure_ascii=False))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
