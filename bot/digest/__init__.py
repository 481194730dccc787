"""The forms of the digest: pictures, PDF, spreadsheet, page and e-mail, made from one sheet. Nothing here counts."""
